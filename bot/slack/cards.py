"""The cards: a request's, and one for each extension. Pure: the same story gives the same card."""

from collections.abc import Mapping
from datetime import timedelta

from bot.domain.grant import Task
from bot.slack.buttons import card_buttons, extension_buttons, task_buttons
from bot.slack.message import Message, actions, context, fields, message, said, section
from bot.slack.story import Story, actor
from bot.slack.words import Words

FACTS = ("what", "long", "start", "sessions")


def request_card(words: Words, story: Story) -> Message:
    """The card of a request, in whatever state it is."""
    facts = story.facts

    def say(part: str) -> str:
        return words.mrkdwn("card", part, **facts)

    reason = story.grant.reason
    return message(
        say("text"),
        [
            section(say("headline")),
            fields(*(say(part) for part in FACTS)),
            context(say("reason_label")) if reason else None,
            said(reason),
            section(say("details")),
            context(say("effects")),
            actions(card_buttons(words, story)),
            context(say("footer")),
        ],
    )


def extension_card(
    words: Words, story: Story, number: int, decided: Mapping[str, object] | None = None
) -> Message | None:
    """The card of an extension. `decided` is the notice's data once there is an outcome.

    None when there is nothing to tell: it is no longer open, and what became of it comes next.
    """
    extension = story.grant.extension
    asked = story.asking(number)
    outcome = str((decided or {}).get("outcome", ""))
    if outcome and decided is not None:
        by = timedelta(seconds=_whole(decided.get("by")))
    elif extension is not None and extension.number == number:
        outcome, by = ("making" if extension.approved else "open"), extension.by
    else:
        return None
    reason = asked.reason if asked is not None else ""
    facts = {
        **story.facts,
        "extension": extension,
        "outcome": outcome,
        "by": by,
        "error": str((decided or {}).get("error") or ""),
        "decider": actor(str((decided or {}).get("actor") or "policy")),
        "reason": reason,
    }

    def say(part: str) -> str:
        return words.mrkdwn("extension_card", part, **facts)

    return message(
        say("text"),
        [
            section(say("headline")),
            context(say("reason_label")) if reason else None,
            said(reason),
            section(say("details")),
            actions(extension_buttons(story.grant, number) if outcome == "open" else []),
            context(say("footer")),
        ],
    )


def task_card(words: Words, story: Story, task: Task, instructions: str) -> Message:
    """What the operators are to do by hand, and what became of it; `instructions` as plain text."""
    done = story.task_done(task)
    outcome = "open" if story.grant.task is task else "done" if done else "void"
    facts = {
        **story.facts,
        "task": task.value,
        "outcome": outcome,
        "done": done,
        "instructions": instructions,
    }

    def say(part: str) -> str:
        return words.mrkdwn("task_card", part, **facts)

    return message(
        say("text"),
        [
            section(say("headline")),
            said(instructions) if outcome == "open" else None,
            section(say("details")),
            actions(task_buttons(words, story, task)),
            context(say("footer")),
        ],
    )


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
