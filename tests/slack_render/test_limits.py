"""Whatever people write and wherever a grant stands: what is sent is whole, and within limits."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from bot.domain.chain import GENESIS, seal
from bot.domain.grant import Task, altered
from bot.domain.record import ANNOUNCED, THREADED, Event, EventKind, NoticeKind
from bot.slack.cards import extension_card, request_card, task_card
from bot.slack.dms import DM_ROLES, own_message, without_buttons
from bot.slack.lines import Occasion, audit_line, thread_line
from bot.slack.message import Message
from bot.slack.text import mention
from bot.slack.words import Words
from tests.slack_render.gallery import START, Life, asked, lives
from tests.slack_render.kit import check_message, texts

WORDS = Words()
HOSTILE = [
    "<!channel> <!here> <!everyone> <!subteam^S0DBA> <@U0MAYA> <#C0GENERAL|x> @here @channel",
    "<https://evil.example|Approve> https://evil.example mailto:x@example.com &lt;!here&gt; &amp;",
    "*Approved* _by_ ~nobody~ `code` ```\nfence\n``` :white_check_mark: \n> quote\n• item",
    "\u202egnp.exe \u2066x\u2069 \u200b\u200d\ufeff \x00\x07\x1b[31m",
    "a" * 5_000,
    "&" * 5_000,
    "<" * 5_000,
    "*_~`" * 2_000,
    "\n" * 3_000 + "x",
    "z\u0300\u0301\u0302\u0303\u0304\u0305\u0306" * 500,
    "👩‍👩‍👧‍👦" * 1_000,
    "<!date^0^{date}|x> | ^ {time}",
    "{{ grant }} {% raw %} {# x #}",
    " ",
]
OURS = re.compile(
    r"<@[UW][A-Z0-9]+>|<!subteam\^S[A-Z0-9]+>|<!date\^\d+\^[^<>|]+\|[0-9: UTC-]+>", re.ASCII
)
"""The only markup in angle brackets that we send."""

reasons = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=400))
DATA = st.dictionaries(
    st.text(max_size=30), st.one_of(st.text(max_size=300), st.integers()), max_size=30
)
names = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=60))
often = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def everything(life: Life) -> list[Message]:
    """Every message that could be sent about a grant as it stands."""
    story = life.story()
    shown = [request_card(WORDS, story)]
    for notice in life.notices:
        if notice.kind is NoticeKind.EXTENSION_CARD:
            number = notice.data["number"]
            assert isinstance(number, int)
            card = extension_card(WORDS, story, number, notice.data)
            shown += [card] if card else []
        elif notice.kind is NoticeKind.TASK_CARD:
            task = Task(str(notice.data["task"]))
            shown.append(task_card(WORDS, story, task, life.grant.reason))
        elif notice.kind.value in DM_ROLES:
            shown.append(own_message(WORDS, story, notice.kind.value, notice.data))
            shown.append(without_buttons(WORDS, story, notice.kind.value))
    for event in life.events:
        occasion = Occasion(
            event, life.grant, tuple(life.events), Markup("<@U0OLGA>"), life.grant.reason
        )
        shown.append(audit_line(WORDS, occasion))
        shown.append(thread_line(WORDS, occasion, mention))
    return shown


def check_markup(message: Message) -> None:
    """Nothing but our own markup stands in angle brackets, anywhere that Slack reads it."""
    for text in [message.text, *texts(message.blocks, "mrkdwn")]:
        rest = OURS.sub("", text)
        assert "<" not in rest, text
        assert ">" not in rest, text
        assert "\u202e" not in text
        assert not re.search(r"&(?!(?:amp|lt|gt);)", rest)


@pytest.mark.parametrize("reason", HOSTILE)
def test_no_text_breaks_a_message_or_pings_anybody(reason: str) -> None:
    """Each hostile text, as reason, name and error at once, in every state."""
    for life in lives(reason, name=reason).values():
        for message in everything(life):
            check_message(message)
            check_markup(message)


@often
@given(reasons, names, st.sampled_from(sorted(lives())))
def test_any_text_makes_a_message_that_slack_takes(reason: str, name: str, state: str) -> None:
    """The same for texts that nobody thought of."""
    for message in everything(lives(reason, name=name)[state]):
        check_message(message)
        check_markup(message)


@often
@given(
    st.sampled_from(sorted(ANNOUNCED | THREADED)),
    st.one_of(st.just({"bare": True}), DATA),
    reasons,
)
def test_every_kind_of_event_has_a_line(
    kind: EventKind, data: dict[str, object], reason: str
) -> None:
    """Whatever an event says, its lines fit, and the audit line ends with its number and hash."""
    told = {"provider": "p", "mark": "m", "known": False, "held": False, "error": "e", "by": 60}
    told |= {
        "duration": 60,
        "votes": 1,
        "needed": 2,
        "notice": "card",
        "lane": "audit",
        "code": "x",
    }
    # An older version of the program may have said less of it.
    said = data if "bare" in data else {**told, **data}
    event = seal(
        GENESIS, 7, Event(kind, START, "cli:olga", "7k2m9qx4trvw", said, {"reason": reason})
    )
    grant = asked().grant
    occasion = Occasion(event, grant, (event,), Markup("<!subteam^S0OPS>"), reason)
    line = audit_line(WORDS, occasion)
    check_message(line)
    check_markup(line)
    seal_of = f"#7 {event.hash[:12]}"
    assert line.text.endswith(seal_of)
    assert list(texts(line.blocks, "mrkdwn"))[-1].endswith(seal_of)
    check_message(thread_line(WORDS, occasion, mention))


def test_every_announced_event_has_words_of_its_own() -> None:
    """The template for other kinds is for kinds that are not there yet."""
    assert not [kind for kind in ANNOUNCED if not WORDS.has(f"audit/{kind.value}")]
    assert not [kind for kind in THREADED if not WORDS.has(f"thread/{kind.value}")]


def test_a_line_of_an_unknown_kind_is_told_all_the_same() -> None:
    """The audit lane waits for each line, so none may fail to be said."""
    event = seal(
        GENESIS, 1, Event(EventKind.SESSION_OPENED, START, "worker", data={"program": "psql"})
    )
    line = audit_line(WORDS, Occasion(event))
    assert line.text == f"*session.opened* by Curfew · program `psql` · #1 {event.hash[:12]}"


def test_a_long_reason_is_cut_with_a_mark() -> None:
    """What is left out is said to be left out."""
    card = request_card(WORDS, asked("x" * 3_000).story())
    shown = max(texts(card.blocks, "plain_text"), key=len)
    assert shown.endswith("… (cut, whole text in the log)")
    assert len(shown) < 1_100


def test_a_reason_of_many_lines_is_cut() -> None:
    """Nobody pushes what follows out of sight."""
    card = request_card(WORDS, asked("\n".join(["x"] * 200)).story())
    shown = max(texts(card.blocks, "plain_text"), key=len)
    assert shown.count("\n") < 20
    assert "(cut, whole text in the log)" in shown


def test_marks_of_direction_are_shown() -> None:
    """A text that would run backwards is shown with the mark that would turn it."""
    card = request_card(WORDS, asked("pay \u202e0001").story())
    assert any("pay [U+202E]0001" in text for text in texts(card.blocks, "plain_text"))


def test_the_digest_is_of_what_is_shown() -> None:
    """The same story gives the same digest, another state another."""
    life = asked()
    first = request_card(WORDS, life.story()).digest
    assert first == request_card(WORDS, life.story()).digest
    moved = altered(life.grant, duration=timedelta(minutes=31))
    assert first != request_card(WORDS, replace(life.story(), grant=moved)).digest
