"""The manual adapter keeps every promise of the contract, with somebody who does what it asks."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest
from pydantic import ValidationError

from adapters.base import Credential, Order, PendingError, Presence
from adapters.conformance import Conformance, Ground
from adapters.manual import ManualAdapter, ManualParams, ManualSettings

LEVELS = ("read", "write")


class ManualGround(Ground):
    """A cupboard with keys: who has which key is known to its keeper, who does as asked."""

    def __init__(self) -> None:
        self.keys: dict[str, str] = {}

    def connect(self, call_limit: float = 10.0) -> ManualAdapter:
        return ManualAdapter("cupboard", ManualSettings(), call_limit=call_limit)

    def block(self, number: int = 0) -> Mapping[str, object]:
        return {"give": f"hand out the {LEVELS[number]} key", "take_away": "fetch the key back"}

    async def by_hand(self, order: Order, wanted: Presence) -> Presence:
        asked = self.connect().task(order, wanted)
        assert order.mark in asked
        await asyncio.sleep(0)
        if wanted is Presence.PRESENT:
            self.keys[order.mark] = asked.split()[3]
        else:
            self.keys.pop(order.mark, None)
        return wanted

    async def inventory(self) -> frozenset[str]:
        return frozenset(f"{mark} {level}" for mark, level in self.keys.items())

    async def admits(self, order: Order, credential: Credential | None) -> bool:
        assert credential is None
        return self.keys.get(order.mark, "-") in str(order.params["give"])

    async def hold(self, order: Order) -> None:
        self.keys["by-hand"] = str(order.params["give"]).split()[3]

    async def release(self, order: Order) -> None:
        assert order.params
        del self.keys["by-hand"]

    async def disguise(self) -> None:
        self.keys["curfew-abcdefgh0123x"] = "read"


class TestManual(Conformance):
    @pytest.fixture
    def ground(self) -> ManualGround:
        return ManualGround()


def order() -> Order:
    ground = ManualGround()
    return replace(ground.order(), resource="vault-key")


async def test_nothing_is_done_before_somebody_says_so() -> None:
    """Without a word both verbs are pending and by hand; the word makes each succeed."""
    adapter, wanted = ManualGround().connect(), order()

    for verb, said in ((adapter.grant, Presence.PRESENT), (adapter.revoke, Presence.ABSENT)):
        with pytest.raises(PendingError) as caught:
            await verb(wanted)
        assert caught.value.by_hand
        await verb(replace(wanted, said=said))
    with pytest.raises(PendingError):
        await adapter.revoke(replace(wanted, said=Presence.PRESENT))


async def test_the_task_says_everything_that_is_needed() -> None:
    """Whose access to what, until when, under which mark, in the words of the policy."""
    adapter, wanted = ManualGround().connect(), order()
    asked = adapter.task(wanted, Presence.PRESENT)

    assert asked.startswith("hand out the read key\n")
    for word in (wanted.mark, "Dana", "dana@example.com", "vault-key", "UTC"):
        assert word in asked
    assert adapter.task(wanted, Presence.ABSENT).startswith("fetch the key back\n")
    assert adapter.cleanup(replace(wanted, params={})).startswith("Look for everything")


async def test_an_orphan_is_nobody_s_task() -> None:
    """A mark that nobody knows any more was never asked of anybody."""
    await ManualGround().connect().revoke(replace(order(), params={}))


@pytest.mark.parametrize("wrong", [{}, {"give": "x", "take_away": "fetch it"}, {"minutes": 0}])
def test_a_task_without_words_is_no_task(wrong: dict[str, object]) -> None:
    """Instructions are required, and long enough to be some."""
    with pytest.raises(ValidationError):
        ManualParams.model_validate({**wrong})
