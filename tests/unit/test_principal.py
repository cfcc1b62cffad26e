"""Words for people: what they mean, and whom."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import ProgramError
from bot.domain.people import Account, Standing
from bot.domain.principal import Principal, PrincipalKind, expand, matches, parse_principal

MAYA = Account(
    "U0MAYA",
    email="Maya@Example.com",
    groups=frozenset({"S0DBA", "@DBA"}),
    manager="boss@example.com",
)
BOSS = Account("U0BOSS", email="Boss@example.com")
WORDS = ["U0MAYA", "S0DBA", "@dba", "maya@example.com", "anyone", "manager", "oncall:primary"]


@pytest.mark.parametrize(
    ("word", "kind", "value"),
    [
        ("U0MAYA", PrincipalKind.USER, "U0MAYA"),
        ("W0MAYA", PrincipalKind.USER, "W0MAYA"),
        ("S0DBA", PrincipalKind.USER_GROUP, "S0DBA"),
        ("@dba", PrincipalKind.HANDLE, "dba"),
        ("@DBA-Team", PrincipalKind.HANDLE, "dba-team"),
        ("Maya@Example.com", PrincipalKind.EMAIL, "maya@example.com"),
        ("group:dba", PrincipalKind.GROUP, "dba"),
        ("oncall:primary", PrincipalKind.ONCALL, "primary"),
        ("manager", PrincipalKind.MANAGER, ""),
        ("anyone", PrincipalKind.ANYONE, ""),
    ],
)
def test_words(word: str, kind: PrincipalKind, value: str) -> None:
    """Each kind of word is read, and said again as it is compared."""
    principal = parse_principal(word)

    assert principal == Principal(kind, value)
    assert parse_principal(str(principal)) == principal


@pytest.mark.parametrize(
    "word",
    ["", "maya", "u0maya", "U0 MAYA", "group:", "group:DBA", "@", "a@b@c", "a b@c", "Anyone",
     "manager ", "oncall:", "U0MAYA\n", "C0OPS", "\uff20dba", "<@U0MAYA>", "S0dba"],
)  # fmt: skip
def test_no_words(word: str) -> None:
    """What is none of the forms means nobody and is found out."""
    assert parse_principal(word) is None


@pytest.mark.parametrize("word", ["U0MAYA", "S0DBA", "@dba", "maya@EXAMPLE.com", "anyone"])
def test_means_her(word: str) -> None:
    """Ids are compared exactly, addresses and handles without regard to case."""
    assert means(word, MAYA)


@pytest.mark.parametrize(
    "word", ["U0MAYA2", "S0DB", "@db", "boss@example.com", "manager", "oncall:primary"]
)
def test_does_not_mean_her(word: str) -> None:
    """Nothing that is only near means somebody, and nobody is on call yet."""
    assert not means(word, MAYA)


def test_manager() -> None:
    """`manager` is whom the requester's profile names, by id or by address."""
    by_id = Account("U0DANA", manager="U0BOSS")
    nobodys = Account("U0LONE", manager="")

    assert means("manager", BOSS, requester=MAYA)
    assert means("manager", BOSS, requester=by_id)
    assert not means("manager", MAYA, requester=by_id)
    assert not means("manager", Account("U0NOMAIL"), requester=MAYA)
    assert not means("manager", BOSS, requester=nobodys)
    assert not means("manager", BOSS)


@given(st.sampled_from([s for s in Standing if s is not Standing.MEMBER]), st.sampled_from(WORDS))
def test_only_members(standing: Standing, word: str) -> None:
    """Guests, bots, deactivated people and strangers are never meant, by no word."""
    outsider = Account("U0MAYA", email="maya@example.com", standing=standing, groups=MAYA.groups)
    theirs = Account("U0DANA", manager="U0MAYA")

    assert not means(word, outsider, requester=theirs)


def test_groups_are_expanded_before() -> None:
    """A group that nobody expanded is a bug and not a no."""
    with pytest.raises(ProgramError, match="group:dba"):
        means("group:dba", MAYA)


def test_expanding() -> None:
    """Groups become people, in order, each once; loops end and unknown groups are empty."""
    groups = {"a": words("U0AA", "group:b", "U0CC"), "b": words("U0BB", "group:a", "U0AA")}

    assert expand(words("group:a", "U0BB", "group:nobody", "U0DD"), groups) == words(
        "U0AA", "U0BB", "U0CC", "U0DD"
    )


def test_a_long_chain_of_groups() -> None:
    """Groups may hold groups to any depth."""
    groups = {f"g{n}": words(f"group:g{n + 1}") for n in range(5000)} | {"g5000": words("U0END")}

    assert expand(words("group:g0"), groups) == words("U0END")


def words(*texts: str) -> tuple[Principal, ...]:
    found = [parse_principal(text) for text in texts]
    assert None not in found
    return tuple(word for word in found if word is not None)


def means(word: str, account: Account, *, requester: Account | None = None) -> bool:
    return matches(words(word)[0], account, requester=requester)
