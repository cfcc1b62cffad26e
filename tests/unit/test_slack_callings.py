"""How people are called: whom the policy means, as mentions; names where nobody is to be pinged."""

from dataclasses import dataclass

import pytest

from bot.domain.people import Account
from bot.domain.principal import Principal, parse_principal
from bot.engine.ports import DirectoryError
from bot.slack.callings import Callings


@dataclass
class Folk:
    """Three people; Slack can be away."""

    is_away: bool = False

    async def account(self, user: str) -> Account:
        if self.is_away:
            raise DirectoryError("away")
        managers = {"U0DANA": "maya@example.com", "U0OMAR": "U0MAYA"}
        name = "" if user == "U0NONAME" else f"{user[2:].title()} <!here>"
        return Account(user, name=name, manager=managers.get(user))

    async def find(self, email: str) -> Account | None:
        if self.is_away:
            raise DirectoryError("away")
        return Account("U0MAYA") if email == "maya@example.com" else None


async def group_of(handle: str) -> str | None:
    return {"dba": "S0DBA"}.get(handle)


def words(*said: str) -> list[Principal]:
    found = [parse_principal(word) for word in said]
    return [one for one in found if one is not None]


@pytest.mark.parametrize(
    ("said", "called"),
    [
        (["U0MAYA"], "<@U0MAYA>"),
        (["S0DBA"], "<!subteam^S0DBA>"),
        (["@dba"], "<!subteam^S0DBA>"),
        (["@nobody"], "@nobody"),
        (["maya@example.com"], "<@U0MAYA>"),
        (["gone_one@example.com"], "gone_one@example.com"),
        (["manager"], "<@U0MAYA>"),
        (["anyone"], "any full member"),
        (["oncall:primary"], "oncall:primary"),
        (["U0MAYA", "maya@example.com", "manager", "U0MAYA"], "<@U0MAYA>"),
        (["U0DANA", "S0DBA"], "<!subteam^S0DBA>"),
        ([], ""),
    ],
)
async def test_each_word_of_the_policy_becomes_a_mention(said: list[str], called: str) -> None:
    """Each person once, and never the requester."""
    callings = Callings(Folk(), group_of)
    assert await callings.mentions(words(*said), requester="U0DANA") == called


async def test_many_are_not_called_one_by_one() -> None:
    """Ten, and the rest in a word."""
    called = await Callings(Folk()).mentions(words(*(f"U0P{n}" for n in range(12))))
    assert called.count("<@") == 10
    assert called.endswith(", and others")


async def test_a_manager_who_is_a_user_id_is_mentioned() -> None:
    """The profile holds either."""
    assert await Callings(Folk()).mentions(words("manager"), requester="U0OMAR") == "<@U0MAYA>"
    assert await Callings(Folk()).mentions(words("manager")) == "their manager"


async def test_when_slack_cannot_say_the_words_of_the_policy_stand() -> None:
    """A card is posted all the same."""
    callings = Callings(Folk(is_away=True))
    called = await callings.mentions(
        words("maya@example.com", "@dba", "manager", "S0DBA"), requester="U0DANA"
    )
    assert called == "maya@example.com, @dba, their manager, <!subteam^S0DBA>"
    assert await callings.names(["U0MAYA"]) == {"U0MAYA": "<@U0MAYA>"}


async def test_names_are_text() -> None:
    """Whatever somebody calls themselves; a mention where there is no name, nothing for no one."""
    names = await Callings(Folk()).names(["U0MAYA", "U0NONAME", "clock", "U0MAYA"])
    assert names == {"U0MAYA": "Maya &lt;!here&gt;", "U0NONAME": "<@U0NONAME>"}
