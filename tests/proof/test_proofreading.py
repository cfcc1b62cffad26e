"""Reading the log fast finds what reading it slowly would: nothing beside a line goes unchecked."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.chain import GENESIS, seal
from bot.domain.proofreading import EPOCH, Line, Proofreader
from bot.domain.record import Event, EventKind, SealedEvent

NOON = datetime.fromisoformat("2026-03-01T12:00:00.000007+00:00")
TRICKY = '"x,"grant":"abc","kind":"grant.ended","seq":1,"texts":{}}'
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.just(TRICKY),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["grant", "kind", "texts", "é", "seq"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)
EVENTS = st.builds(
    Event,
    kind=st.sampled_from([EventKind.GRANT_REQUESTED, EventKind.BOT_STARTED]),
    at=st.timedeltas(timedelta(0), timedelta(days=30_000)).map(lambda since: EPOCH + since),
    actor=st.text(max_size=12) | st.just(TRICKY),
    grant_id=st.none() | st.text(max_size=12) | st.just(TRICKY),
    data=st.dictionaries(st.sampled_from(["grant", "changes", "z"]), VALUES, max_size=3),
    texts=st.dictionaries(st.sampled_from(["reason", "person"]), st.text(max_size=20), max_size=2),
)


def row(line: SealedEvent) -> Line:
    """As the database gives it."""
    texts = json.dumps(dict(line.texts)) if line.texts else None
    at = (line.at - EPOCH) // timedelta(microseconds=1)
    beside = at, line.kind.value, line.actor, line.grant_id
    return (line.seq, line.body, line.hash, texts, *beside)


def log_of(events: list[Event]) -> list[Line]:
    """A whole log of these."""
    rows, head = [], GENESIS
    for seq, event in enumerate(events, 1):
        line = seal(head, seq, event)
        head = line.hash
        rows.append(row(line))
    return rows


@given(st.lists(EVENTS, max_size=6))
def test_what_was_written_is_found_whole(events: list[Event]) -> None:
    """Whatever an event says, its line is read without a fault, in one page or in many."""
    lines = log_of(events)
    at_once, by_one = Proofreader(), Proofreader()
    assert at_once.read(lines) is None
    assert all(by_one.read([line]) is None for line in lines)
    assert at_once.finish() is None
    assert (at_once.seq, at_once.head) == (by_one.seq, by_one.head)
    assert at_once.head == (lines[-1][2] if lines else GENESIS)


def test_one_of_two_texts_is_gone() -> None:
    """What is left is compared, and what is missing wants a line that explains it."""
    texts = {"person": "Dana", "reason": "why"}
    line = seal(GENESIS, 1, Event(EventKind.GRANT_REQUESTED, NOON, "U1", "abc", texts=texts))
    whole = json.loads(json.dumps(dict(line.texts)))
    for gone in texts:
        left = {name: entry for name, entry in whole.items() if name != gone}
        reader = Proofreader()
        assert reader.read([(*row(line)[:3], json.dumps(left), *row(line)[4:])]) is None
        assert reader.finish() is not None
    turned = dict(reversed(whole.items()))
    reader = Proofreader()
    assert reader.read([(*row(line)[:3], json.dumps(turned), *row(line)[4:])]) is None
    assert reader.finish() is None


def lived() -> list[Line]:
    """Three lines, the second with texts."""
    texts = {"reason": "fix the order", "person": "Dana"}
    return log_of(
        [
            Event(EventKind.BOT_STARTED, NOON, "bot"),
            Event(EventKind.GRANT_REQUESTED, NOON, "U0DANA", "abc", {"grant": 1, "z": 2}, texts),
            Event(EventKind.GRANT_APPROVED, NOON, "U0MAYA", "abc", {"a": "b"}),
        ]
    )


CHANGES: dict[int, list[object]] = {
    0: [2, 9],
    1: ['{"actor":"bot"}', "", None, b"{}"],
    2: ["0" * 64, "", None],
    3: ['{"reason": {"salt": "00", "text": "other"}}', "{}]", "[1]", '{"reason": {}}'],
    4: [0, 1 << 62, None, "noon"],
    5: ["grant.ended", "", None],
    6: ["U0EVIL", "", None],
    7: ["zzz", "", '","kind":'],
}


@pytest.mark.parametrize(
    ("number", "column", "value"),
    [
        (number, column, value)
        for number, column in product(range(3), CHANGES)
        for value in CHANGES[column]
        if (number, column, value) != (1, 0, 2)
    ],
)
def test_any_change_is_named(number: int, column: int, value: object) -> None:
    """Each column of each line, changed to whatever: the fault is at that line."""
    lines = lived()
    changed: list[object] = [*lines[number]]
    changed[column] = value
    lines[number] = tuple(changed)  # type: ignore[assignment]  # what an attacker writes has no type
    fault = Proofreader().read(lines)
    assert fault is not None
    assert fault.seq == number + 1


def test_a_line_in_the_middle_is_missed() -> None:
    """Taken out, doubled, or put in another order."""
    one, two, three = lived()
    for lines, seq in (((one, three), 2), ((one, one, two), 2), ((one, three, two), 2)):
        fault = Proofreader().read(lines)
        assert fault is not None
        assert fault.seq == seq


def erased(line: Line) -> Line:
    return (*line[:3], None, *line[4:])


ERASERS: list[tuple[str, Callable[[], Event], bool]] = [
    ("nobody", lambda: Event(EventKind.BOT_STOPPED, NOON, "bot"), False),
    ("the grant", lambda: Event(EventKind.TEXTS_ERASED, NOON, "cli:op", "abc", {"lines": 1}), True),
    ("another", lambda: Event(EventKind.TEXTS_ERASED, NOON, "cli:op", "xyz", {"lines": 1}), False),
    (
        "the person",
        lambda: Event(EventKind.PERSON_ERASED, NOON, "cli:op", data={"person": "U0DANA"}),
        True,
    ),
    (
        "another person",
        lambda: Event(EventKind.PERSON_ERASED, NOON, "cli:op", data={"person": "U0MAYA"}),
        False,
    ),
    (
        "a line that only speaks of it",
        lambda: Event(EventKind.BOT_STOPPED, NOON, "bot", data={"person": "U0DANA"}),
        False,
    ),
]


@pytest.mark.parametrize(("_what", "eraser", "is_whole"), ERASERS, ids=lambda one: str(one)[:24])
def test_a_text_that_is_gone_was_erased_by_a_line(
    _what: str, eraser: Callable[[], Event], *, is_whole: bool
) -> None:
    """Texts may go, and the chain is whole; but a later line must say so."""
    lines = lived()
    lines[1] = erased(lines[1])
    lines.append(row(seal(lines[-1][2], 4, eraser())))
    reader = Proofreader()
    assert reader.read(lines) is None
    fault = reader.finish()
    assert (fault is None) == is_whole
    assert fault is None or fault.seq == 2


def test_an_erasure_covers_what_was_before_it_only() -> None:
    """A text that goes missing in a line after the erasure is a fault again."""
    lines = lived()
    erasure = Event(EventKind.TEXTS_ERASED, NOON, "cli:op", "abc", {"lines": 1})
    lines.append(row(seal(lines[-1][2], 4, erasure)))
    late = Event(EventKind.GRANT_DENIED, NOON, "U0MAYA", "abc", texts={"decision_reason": "no"})
    lines.append(erased(row(seal(lines[-1][2], 5, late))))
    reader = Proofreader()
    assert reader.read(lines) is None
    fault = reader.finish()
    assert fault is not None
    assert fault.seq == 5


WRITERS = ("U0DANA", "U0MAYA")
WORDS = st.builds(
    Event,
    kind=st.just(EventKind.GRANT_REQUESTED),
    at=st.just(NOON),
    actor=st.sampled_from(WRITERS),
    grant_id=st.sampled_from(["abc", "xyz"]),
    texts=st.just({"reason": "why"}),
)
SAID = st.builds(
    Event,
    kind=st.just(EventKind.TEXTS_ERASED),
    at=st.just(NOON),
    actor=st.just("cli:op"),
    grant_id=st.sampled_from(["abc", "xyz"]),
) | st.builds(
    Event,
    kind=st.just(EventKind.PERSON_ERASED),
    at=st.just(NOON),
    actor=st.just("cli:op"),
    data=st.fixed_dictionaries({"person": st.sampled_from(WRITERS)}),
)


@settings(deadline=None)
@given(st.data())
def test_parts_put_together_say_what_the_whole_says(data: st.DataObject) -> None:
    """Wherever the log is cut: the same head, and the same text that nothing explains."""
    events = data.draw(st.lists(WORDS | SAID, max_size=8))
    gone = data.draw(st.lists(st.booleans(), min_size=len(events), max_size=len(events)))
    lines = [
        erased(line) if is_gone else line
        for line, is_gone in zip(log_of(events), gone, strict=True)
    ]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(lines)), max_size=3)))
    whole, together = Proofreader(), Proofreader()
    assert whole.read(lines) is None
    for begin, end in pairwise([0, *cuts, len(lines)]):
        part = Proofreader(begin, bytes.fromhex(lines[begin - 1][2] if begin else GENESIS))
        assert part.read(lines[begin:end]) is None
        assert together.follow(part)
    assert (together.seq, together.head) == (whole.seq, whole.head)
    assert together.finish() == whole.finish()


def test_a_part_from_elsewhere_is_not_taken_on() -> None:
    """It has to begin where the one before it ends: at that line, with that hash."""
    lines = lived()
    for part in (
        Proofreader(2, bytes.fromhex(lines[1][2])),
        Proofreader(1, bytes.fromhex(lines[1][2])),
    ):
        whole = Proofreader()
        assert whole.read(lines[:1]) is None
        assert not whole.follow(part)
        assert (whole.seq, whole.head) == (1, lines[0][2])
