"""The grammar of `/access`: what is understood, what is refused, and the line to paste instead."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import durations, grammar
from bot.domain.command import (
    COMMAND_WORDS,
    Ask,
    Audit,
    Command,
    Extend,
    Help,
    List,
    Mine,
    OpenForm,
    Revoke,
    Who,
)
from bot.domain.errors import RefusalError
from bot.domain.words import escaped

NOW = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)  # 23:00 in Berlin
RESOURCES = frozenset({"prod-db", "prod-db-write", "orders.db", "3scale"})
HALF_HOUR = timedelta(minutes=30)


def parse(text: str, zone: str = "Europe/Berlin") -> Command:
    return grammar.parse(text, resources=RESOURCES, timezone=zone, now=NOW)


def refusal_of(text: str) -> RefusalError:
    with pytest.raises(RefusalError) as refusal:
        parse(text)
    return refusal.value


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("", OpenForm()),
        (" \t\n", OpenForm()),
        ("\u200b “” ", OpenForm()),
        ("prod-db", OpenForm(resource="prod-db")),
        ("prod-db 30m", OpenForm(resource="prod-db", duration=HALF_HOUR)),
        ("prod-db 30m “”", OpenForm(resource="prod-db", duration=HALF_HOUR)),
        ("emergency", OpenForm(emergency=True)),
        ("emergency prod-db", OpenForm(resource="prod-db", emergency=True)),
        ("list", List()),
        ("LIST", List()),
        ("mine", Mine()),
        ("help", Help()),
        ("help me please", Help()),
        ("who prod-db", Who("prod-db")),
        ("revoke", Revoke()),
        ("revoke prod-db", Revoke(target="prod-db")),
        ("revoke prod-db wrong box", Revoke(target="prod-db", reason="wrong box")),
        ("revoke 3f7K", Revoke(target="3f7k")),
        ("revoke 3f7k9m2p4q6r", Revoke(target="3f7k9m2p4q6r")),
        ("revoke curfew-3f7k9m2p4q6r", Revoke(target="3f7k9m2p4q6r")),
        ("revoke 3f7kOm2pIqLr", Revoke(target="3f7k0m2p1q1r")),
        ("extend prod-db 30m", Extend(target="prod-db", duration=HALF_HOUR)),
        ("extend 3f7k 30m not done", Extend(target="3f7k", duration=HALF_HOUR, reason="not done")),
        ("audit", Audit()),
        ("audit prod-db", Audit(resource="prod-db")),
        ("audit 7d", Audit(since=timedelta(days=7))),
        ("audit prod-db 7d", Audit(resource="prod-db", since=timedelta(days=7))),
        ("audit 3scale 7d", Audit(resource="3scale", since=timedelta(days=7))),
        ("audit <@U0DANA|dana k> 7d", Audit(person="U0DANA", since=timedelta(days=7))),
        ("audit @dana", Audit(person="@dana")),
        ("audit <mailto:d@example.com|d@example.com>", Audit(person="d@example.com")),
    ],
)
def test_understood(text: str, command: Command) -> None:
    """Each form of the grammar becomes its value."""
    assert parse(text) == command


@pytest.mark.parametrize(
    ("text", "duration", "reason"),
    [
        ("prod-db fix stuck order", None, "fix stuck order"),
        ("prod-db 30m fix stuck order", HALF_HOUR, "fix stuck order"),
        ("PROD-DB 30M Fix", HALF_HOUR, "Fix"),
        ("  prod-db\u00a030m\tfix  it ", HALF_HOUR, "fix  it"),
        ("“prod-db” ‘30m’ “fix it”", HALF_HOUR, "“fix it”"),  # noqa: RUF001 - phones put them in
        ("`prod-db` 30m fix", HALF_HOUR, "fix"),
        ("prod\u200b-db 3\u20600m a\u202eb", HALF_HOUR, "a\u202eb"),
        ("prod-db 500 errors", None, "500 errors"),
        ("prod-db 30m one\ntwo", HALF_HOUR, "one\ntwo"),
        ("prod-db 30m until it works", HALF_HOUR, "until it works"),
        ("prod-db 30m at customer's wish", HALF_HOUR, "at customer's wish"),
        ("prod-db at 5 sites", None, "at 5 sites"),
        ("3scale 30m fix", HALF_HOUR, "fix"),
        ("<http://orders.db|orders.db> 30m fix", HALF_HOUR, "fix"),
        ("prod-db 30m a &amp; b &lt;c&gt; &amp;lt;", HALF_HOUR, "a & b <c> &lt;"),
        ("prod-db 30m ask <@U0MAYA|maya> in <#C0OPS|ops>", HALF_HOUR, "ask @maya in #ops"),
        ("prod-db 30m <@U0MAYA> <#C0OPS|>", HALF_HOUR, "@U0MAYA #C0OPS"),
        ("prod-db 30m <!here> <!subteam^S0DBA|@dba>", HALF_HOUR, "@here @dba"),
        ("prod-db 30m <!subteam^S0DBA>", HALF_HOUR, "@S0DBA"),
        (
            "prod-db 30m <http://a.example|a.example> <https://b.example/1|ticket>",
            HALF_HOUR,
            "http://a.example ticket (https://b.example/1)",
        ),
        ("prod-db 30m <b> <a|c>", HALF_HOUR, "<b> <a|c>"),
        ("prod-db 30m nul\x00 \ud800", HALF_HOUR, "nul� �"),
    ],
)
def test_asking(text: str, duration: timedelta | None, reason: str) -> None:
    """The duration may be left out, and the reason is kept whole."""
    command = parse(text)

    assert isinstance(command, Ask)
    assert (command.duration, command.reason) == (duration, reason)
    assert command.resource == ("3scale" if "3scale" in text else command.resource)
    assert not command.emergency


def test_emergency() -> None:
    """Break-glass is asked for with its word first."""
    assert parse("emergency prod-db 15m all is on fire") == Ask(
        resource="prod-db",
        duration=timedelta(minutes=15),
        reason="all is on fire",
        emergency=True,
    )


@pytest.mark.parametrize(
    ("text", "starts", "ends", "length"),
    [
        ("prod-db 2h at 23:30 x", (23, 22, 30), None, timedelta(hours=2)),
        ("prod-db at 23:30 2h x", (23, 22, 30), None, timedelta(hours=2)),
        ("prod-db 2h at 2026-11-25 08:00 x", (25, 7, 0), None, timedelta(hours=2)),
        ("prod-db until 23:30 x", None, (23, 22, 30), HALF_HOUR),
        ("prod-db until 22:30 x", None, (24, 21, 30), timedelta(hours=23, minutes=30)),
        ("prod-db until 00:30 at 23:30 x", (23, 22, 30), (23, 23, 30), timedelta(hours=1)),
        ("prod-db at 23:30 until 00:30 x", (23, 22, 30), (23, 23, 30), timedelta(hours=1)),
        ("prod-db until 2026-11-24 23:00 x", None, (24, 22, 0), timedelta(days=1)),
        ("prod-db at 23:30 x", (23, 22, 30), None, None),
    ],
)
def test_when(
    text: str,
    starts: tuple[int, int, int] | None,
    ends: tuple[int, int, int] | None,
    length: timedelta | None,
) -> None:
    """Starts and ends are read in the person's zone; an end is after the start."""
    command = parse(text)

    assert isinstance(command, Ask)
    assert (command.starts_at, command.ends_at) == (on(starts), on(ends))
    assert (command.duration, command.reason) == (length, "x")


def on(parts: tuple[int, int, int] | None) -> datetime | None:
    return None if parts is None else datetime(2026, 11, *parts, tzinfo=UTC)


def test_an_end_that_is_almost_now() -> None:
    """What ends within this second still has the shortest duration."""
    now = NOW + timedelta(minutes=29, seconds=59, milliseconds=500)
    command = grammar.parse(
        "prod-db until 23:30 x", resources=RESOURCES, timezone="Europe/Berlin", now=now
    )

    assert isinstance(command, Ask)
    assert command.duration == durations.SHORTEST


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("prod-db 30min fix", "duration", "prod-db 30m fix"),
        ("prod-db 5m1h fix", "duration", "prod-db 1h5m fix"),
        ("prod-db 1.5h fix", "duration", "prod-db 1h30m fix"),
        ("prod-db 30m30m fix", "duration", "prod-db 30m fix"),
        ("prod-db -5m fix", "duration", "prod-db 5m fix"),
        ("prod-db ３０m fix", "duration", "prod-db 30m fix"),  # noqa: RUF001 - the point
        ("prod-db 30 min fix", "duration", "prod-db 30m fix"),
        ("prod-db 30m, fix", "duration", "prod-db 30m fix"),
        ("prod-db: 30m: fix", "unknown_word", "prod-db 30m fix"),
        ("30m prod-db fix", "order", "prod-db 30m fix"),
        ("30min prod-db fix", "order", "prod-db 30m fix"),
        ("/access prod-db 30m fix", "order", "prod-db 30m fix"),
        ("/access lst", "order", "list"),
        ("prod-db 1h 30m fix", "duration", "prod-db 1h30m fix"),
        ("prod-db 500ms late", "duration", "prod-db 30m 500ms late"),
        ("prod-db 1st look", "duration", "prod-db 30m 1st look"),
        ("prod-db 1e9h fix", "duration", "prod-db 30m 1e9h fix"),
        ("emergency prod-db 5min fire", "duration", "emergency prod-db 5m fire"),
        ("prod-db 2h at 10pm fix", "moment", "prod-db 2h at 22:00 fix"),
        ("prod-db until tomorrow 18:00 x", "moment", "prod-db until 2026-11-24 18:00 x"),
        ("prod-db until tomorrow 6pm x", "moment", "prod-db until 2026-11-24 18:00 x"),
        ("prod-db until 2026-12-01T18:00 x", "moment", "prod-db until 2026-12-01 18:00 x"),
        ("prod-db until 2026-12-01 18.00 x", "moment", "prod-db until 2026-12-01 18:00 x"),
        ("prd-db 30m fix", "unknown_word", "prod-db 30m fix"),
        ("prd-db 30min fix.", "unknown_word", "prod-db 30m fix."),
        ("lst", "unknown_word", "list"),
        ("revok prd-db", "unknown_word", "revoke prod-db"),
        ("who prd-db", "unknown_resource", "who prod-db"),
        ("who prod-db now", "extra", "who prod-db"),
        ("list all", "extra", "list"),
        ("mine please", "extra", "mine"),
        ("revoke prod", "unknown_resource", "revoke prod-db"),
        ("extend prod-db", "duration", "extend prod-db 30m"),
        ("extend prod-db not done", "duration", "extend prod-db 30m not done"),
        ("extend prod-db 30min more", "duration", "extend prod-db 30m more"),
        ("audit prod-db 7days", "duration", "audit prod-db 7d"),
        ("audit 30 days", "duration", "audit 30d"),
        ("audit prod-db 7d now", "extra", "audit prod-db 7d"),
        ("audit <@U0DANA|Dana K> 7d x", "extra", "audit @danak 7d"),
        ("audit prd-db", "unknown_resource", "audit prod-db"),
        ("prod-db 30min a &amp; b", "duration", "prod-db 30m a & b"),
    ],
)
def test_corrected(text: str, code: str, line: str) -> None:
    """A wrong line is refused with the whole line to paste."""
    refusal = refusal_of(text)

    assert (refusal.code, refusal.hint) == (code, f"/access {line}")


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        ("gibberish", "unknown_word", "list"),
        ("who", "missing", "who"),
        ("who gibberish", "unknown_resource", "list"),
        ("emergency gibberish fire", "unknown_resource", "list"),
        ("extend", "missing", "extend"),
        ("extend prod-db until 18:00", "duration", "how much more"),
        ("extend zzz 30m", "unknown_resource", "list"),
        ("revoke abc", "unknown_resource", "list"),
        ("prod-db until", "moment", "18:00"),
        ("prod-db until later", "moment", "18:00"),
        ("prod-db until 2026-02-30 10:00 x", "moment", "18:00"),
        ("prod-db until 2026-11-01 10:00 x", "moment", "18:00"),
        ("prod-db until 2050-01-01 10:00 x", "moment", "18:00"),
        ("prod-db until 2026-12-01 soon", "moment", "18:00"),
        ("prod-db 0m fix", "duration", "1s"),
        ("prod-db 99999999999h fix", "duration", "30m"),
        ("prod-db 0 min fix", "duration", "30m"),
        ("prod-db 30m until 18:00 x", "duration", "Leave one"),
        ("prod-db until 18:00 30m x", "duration", "Leave one"),
        ("prod-db 30m at 23:30 45m x", "duration", "Leave one"),
        ("x" * 8001, "line_long", "main thing"),
    ],
)
def test_refused_without_a_line(text: str, code: str, hint: str) -> None:
    """Where nothing can be guessed the hint says the way out in a sentence."""
    refusal = refusal_of(text)

    assert refusal.code == code
    assert hint in refusal.hint
    assert not refusal.hint.startswith("/access")
    assert refusal.message.endswith((".", "?"))


def test_unknown_zone() -> None:
    """A zone that nobody knows matters only when a time of day was said."""
    assert isinstance(parse("prod-db 30m x", zone="Mars/Olympus"), Ask)
    with pytest.raises(RefusalError, match="time zone"):
        parse("prod-db until 18:00 x", zone="Mars/Olympus")


def test_lines_of_nothing_are_read_quickly() -> None:
    """The longest line of unseen words is no way to keep the bot busy."""
    assert parse("\u200b " * 4000) == OpenForm()


def test_many_mistakes_end() -> None:
    """Four mistakes in a line are mended together; with more there is no line to paste."""
    four = refusal_of("prd-db 30min at tomorrow 10pm x")
    five = refusal_of("emergncy prd-db 30min at tomorrow 10pm x")

    assert four.hint == "/access prod-db 30m at 2026-11-24 22:00 x"
    assert five.code == "unknown_word"
    assert not five.hint.startswith("/access")


def test_resource_named_like_an_id() -> None:
    """A resource's name wins over the beginning of an id."""
    found = grammar.parse("revoke abcd", resources={"abcd"}, timezone="UTC", now=NOW)

    assert found == Revoke(target="abcd")
    assert grammar.grant_id("CURFEW_3F7K") == "3f7k"
    assert grammar.grant_id("abc") is None


REASONS = st.text(
    alphabet=st.characters(exclude_categories=["Cs", "Cc", "Cf", "Z"]), min_size=1, max_size=40
).filter(lambda text: any(c.isalpha() for c in text))
PIECES = st.sampled_from(
    [
        *sorted(RESOURCES), *COMMAND_WORDS,
        "30m", "1h30m", "30min", "5m1h", "1.5h", "500", "min", "until", "at", "18:00", "10pm",
        "2026-12-01", "2026-13-01", "tomorrow", "<@U0DANA|dana k>", "<#C0OPS|ops>", "&amp;", "“",
        "\u200b", "@dana", "prd-db", "lst", "3f7k", "fix", "-5m", "0s", "99999999999w", "<", ">|",
    ]
)  # fmt: skip


@given(st.lists(PIECES | st.text(max_size=8), max_size=8).map(" ".join) | st.text(max_size=60))
def test_never_anything_but_a_refusal(text: str) -> None:
    """Any text is a command or a refusal, and a line to paste is understood when pasted."""
    try:
        command = parse(text)
    except RefusalError as error:
        assert error.code  # noqa: PT017 - both outcomes are right
        assert error.hint  # noqa: PT017 - both outcomes are right
        if error.hint.startswith("/access"):
            parse(escaped(error.hint.removeprefix("/access")))
    else:
        assert not isinstance(command, Ask) or command.resource in RESOURCES


@given(
    st.sampled_from(sorted(RESOURCES)),
    st.integers(1, 10**7).map(lambda n: timedelta(seconds=n)),
    REASONS,
)
def test_round_trip(resource: str, duration: timedelta, reason: str) -> None:
    """Resource, duration and a reason that is no duration itself are read back as written."""
    text = f"{resource} {durations.compact(duration)} because {reason}"

    assert parse(escaped(text)) == Ask(
        resource=resource, duration=duration, reason=f"because {reason}"
    )
