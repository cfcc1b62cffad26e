"""Which buttons a message has: a pure function of the grant and of which message it is.

Their words are the contract's. A confirm dialog stands only where something is taken away from
another person: on the card, not in one's own messages.
"""

from slack_sdk.models.blocks import ButtonElement, ConfirmObject

from bot.domain.grant import Grant, State, Task
from bot.domain.record import NoticeKind
from bot.slack.actions import ActionId, extension_action
from bot.slack.forms import room_left
from bot.slack.message import button, confirm
from bot.slack.story import Story
from bot.slack.text import inline
from bot.slack.words import Words

N = NoticeKind


def card_buttons(words: Words, story: Story) -> list[ButtonElement]:
    """The buttons of the request's card."""
    grant = story.grant
    match grant.state:
        case State.PENDING:
            return [
                _button(ActionId.APPROVE, "Approve", grant, style="primary"),
                _button(ActionId.APPROVE_SHORTER, "Approve shorter", grant),
                _button(ActionId.DENY, "Deny", grant),
                _button(ActionId.CANCEL, "Cancel request", grant),
            ]
        case State.SCHEDULED:
            return [
                _button(ActionId.CANCEL, "Cancel request", grant),
                _revoke(grant, sure=_sure(words, story)),
            ]
        case State.GRANTING | State.ACTIVE:
            return [_revoke(grant, sure=_sure(words, story))]
        case _:
            return []


def extension_buttons(grant: Grant, number: int) -> list[ButtonElement]:
    """The buttons of an extension's card, while it waits for votes."""
    extension = grant.extension
    if grant.state is not State.ACTIVE or extension is None:
        return []
    if extension.number != number or extension.approved:
        return []
    approve = extension_action(ActionId.EXTENSION_APPROVE, number)
    deny = extension_action(ActionId.EXTENSION_DENY, number)
    return [
        _button(approve, "Approve", grant, style="primary"),
        _button(deny, "Deny", grant),
    ]


def task_buttons(words: Words, story: Story, task: Task) -> list[ButtonElement]:
    """The button of a task's card, until it is done or not wanted any more."""
    if story.grant.task is not task:
        return []
    facts = {**story.facts, "task": task.value}
    sure = confirm(
        words.plain("task_card", "sure_title", **facts),
        words.plain("task_card", "sure_text", **facts),
        yes=words.plain("task_card", "sure_yes", **facts),
        no=words.plain("task_card", "sure_no", **facts),
    )
    return [_button(ActionId.DONE, "Done", story.grant, style="primary", sure=sure)]


def own_buttons(role: str, story: Story) -> list[ButtonElement]:
    """The buttons of a message to the requester; `role` is the kind of notice that it was."""
    grant = story.grant
    cancel = _button(ActionId.CANCEL, "Cancel request", grant)
    if role == N.DM_ASKED and grant.state in (State.PENDING, State.SCHEDULED):
        return [cancel]
    if role == N.DM_DECIDED and grant.state is State.SCHEDULED:
        return [cancel]
    if grant.state is not State.ACTIVE:
        return []
    more = [_button(ActionId.EXTEND, "Extend", grant)] if may_extend(grant) else []
    if role == N.DM_WARNING:
        return [*more, _revoke(grant)]
    if role != N.DM_GRANTED:
        return []
    credentials = _button(ActionId.CREDENTIALS, "Get credentials", grant, style="primary")
    return [*([credentials] if story.facts["issues"] else []), *more, _revoke(grant)]


def home_buttons(story: Story, *, mine: bool) -> list[ButtonElement]:
    """The buttons beside a grant on App Home: one's own, or one that waits for a decision."""
    grant = story.grant
    if not mine and grant.state is State.PENDING:
        return [
            _button(ActionId.APPROVE, "Approve", grant, style="primary"),
            _button(ActionId.DENY, "Deny", grant),
        ]
    if not mine:
        return extension_buttons(grant, grant.extension.number) if grant.extension else []
    if grant.state is State.ACTIVE:
        return own_buttons(N.DM_GRANTED, story)
    if grant.state is State.GRANTING:
        return [_revoke(grant)]
    if grant.state in (State.PENDING, State.SCHEDULED):
        return [_button(ActionId.CANCEL, "Cancel request", grant)]
    return []


def may_extend(grant: Grant) -> bool:
    """More time is possible at all: allowed, not being decided, and the limit leaves room."""
    if grant.terms.extend_approvals is None or grant.extension is not None:
        return False
    return bool(room_left(grant))


def _button(
    action: str,
    label: str,
    grant: Grant,
    *,
    style: str | None = None,
    sure: ConfirmObject | None = None,
) -> ButtonElement:
    name = inline(grant.order.person.name or grant.requester, 20)
    described = f"{label}: {grant.resource} for {name}"
    return button(action, label, grant.id, described=described, style=style, confirm=sure)


def _revoke(grant: Grant, *, sure: ConfirmObject | None = None) -> ButtonElement:
    return _button(ActionId.REVOKE, "Revoke now", grant, style="danger", sure=sure)


def _sure(words: Words, story: Story) -> ConfirmObject:
    facts = story.facts
    return confirm(
        words.plain("card", "sure_title", **facts),
        words.plain("card", "sure_text", **facts),
        yes=words.plain("card", "sure_yes", **facts),
        no=words.plain("card", "sure_no", **facts),
    )
