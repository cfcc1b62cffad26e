"""Access that a person makes and takes away: who is asked, and what their word changes."""

from datetime import datetime

from bot.domain.acts import Assign, Complete
from bot.domain.drafts import Draft, Said, card
from bot.domain.errors import ProgramError, RefusalError
from bot.domain.grant import Grant, State, Task, altered
from bot.domain.record import EventKind, Notice, NoticeKind, card_lane

WANTED = {State.GRANTING: Task.MAKE, State.REVOKING: Task.REMOVE}
"""What there is to do by hand, by the state."""


def assign(grant: Grant, act: Assign, now: datetime) -> Draft:
    del now
    if act.task is not WANTED.get(grant.state):
        raise ProgramError(f"nobody is asked to {act.task} what is {grant.state}")
    return Draft(
        altered(grant, task=act.task),
        (Said(EventKind.TASK_ASSIGNED, {"task": act.task.value}),),
        (task_card(grant, act.task), card(grant)),
    )


def complete(grant: Grant, act: Complete, now: datetime) -> Draft:
    """The provider's call is due at once: it finds the word. Raises `RefusalError`."""
    if grant.task is None:
        raise RefusalError("no_task", "Nothing is to be done by hand for this now.")
    return Draft(
        altered(grant, task=None, done=grant.task, attempts=0, next_at=now, last_error=None),
        (Said(EventKind.TASK_DONE, {"task": grant.task.value, "role": act.role.value}),),
        (task_card(grant, grant.task),),
    )


def void_task(grant: Grant) -> tuple[Notice, ...]:
    """What was asked for is not wanted any more when the grant goes another way."""
    return () if grant.task is None else (task_card(grant, grant.task),)


def task_card(grant: Grant, task: Task) -> Notice:
    """Bring the task's own card up to date."""
    return Notice(card_lane(grant.id), NoticeKind.TASK_CARD, grant.id, {"task": task.value})
