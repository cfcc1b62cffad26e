"""Providers that know their people, and providers that take their time."""

import asyncio
import secrets
from datetime import UTC, datetime, timedelta

import pytest

from adapters.base import PATIENCE, Presence, UnreachableError
from adapters.demo import DemoAdapter, Fault, world_of
from bot.domain.errors import RefusalError
from bot.domain.grant import EndReason, State, new_id
from bot.engine.providers import Providers
from bot.storage.database import Database
from tests.engine.office import DANA, MAYA, Figures, office


def name() -> str:
    return f"pg-{secrets.token_hex(4)}"


async def test_who_is_unknown_at_the_provider_is_told_at_once(database: Database) -> None:
    """Nobody is asked to approve what could never be made; the refusal is in the log."""
    async with office(database, provider=name()) as here:
        here.world.strangers.add("dana@example.com")

        with pytest.raises(RefusalError, match=r"knows nobody called dana@example\.com"):
            await here.ask()

        assert [line.kind.value for line in await here.log()][-1] == "request.refused"
        assert not here.world.access


@pytest.mark.parametrize("fault", [Fault.UNREACHABLE, Fault.HANG])
async def test_a_provider_that_cannot_say_hinders_no_request(
    database: Database, fault: Fault
) -> None:
    """Whether it knows the person is then said when the access is made."""
    async with office(database, provider=name()) as here:
        here.world.strangers.add("dana@example.com")
        here.world.fail("counterpart", fault)
        grant = await here.ask()
        await here.engine.service.vote(MAYA, grant.id)
        ended = await here.until(grant.id, State.ENDED)

        assert ended.end_reason is EndReason.FAILED


async def test_what_was_taken_on_is_waited_for(database: Database) -> None:
    """A provider that is not done is asked again when it said; it counts as well meanwhile."""
    async with office(database, provider=name()) as here:
        here.world.fail("grant", Fault.PENDING, seconds=0.2)
        grant = await here.ask()
        await here.engine.service.vote(MAYA, grant.id)
        await here.until(grant.id, State.ACTIVE)
        here.world.fail("revoke", Fault.PENDING, seconds=0.2)
        await here.engine.service.revoke(DANA, grant.id)
        await here.wait(lambda: here.figures.calls[-1][1:] == ("revoke", "pending"))
        here.pass_time(timedelta(seconds=20))  # until nothing that was taken on can land any more
        ended = await here.until(grant.id, State.ENDED)

        assert ended.overdue_at is None
        assert {call[2] for call in here.figures.calls} == {"ok", "pending"}


async def test_a_patient_adapter_gets_its_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The minute in which access has to be there is the adapter's to stretch."""
    async with office(database, provider=name()) as here:
        adapter = type(
            here.engine.providers.adapter(here.rules.current.resources["lab"].provider.name)
        )
        monkeypatch.setattr(adapter, "patience", classmethod(lambda _cls, _params: PATIENCE * 10))
        here.world.fail("grant", Fault.PENDING, times=3, seconds=0.05)
        grant = await here.ask()
        await here.engine.service.vote(MAYA, grant.id)
        here.pass_time(PATIENCE + timedelta(seconds=5))

        await here.until(grant.id, State.ACTIVE, within=20)


async def test_what_was_revoked_is_looked_at_in_the_same_turn() -> None:
    """However many wait: an end is not proven later because others came in between."""
    provider, figures = name(), Figures()
    adapter = DemoAdapter(provider, DemoAdapter.Settings())
    providers = Providers({provider: adapter}, figures, limit=1)
    marks = [new_id() for _ in range(3)]

    gone = await asyncio.gather(
        *(providers.remove_mark(provider, mark, datetime.now(UTC)) for mark in marks)
    )

    assert gone == [Presence.ABSENT] * 3
    assert [verb for _, verb, _ in figures.calls] == ["revoke", "verify"] * 3


async def test_a_turn_ends_with_a_revoke_that_fails() -> None:
    """There is nothing to look at then, and the next one has its turn."""
    provider, figures = name(), Figures()
    adapter = DemoAdapter(provider, DemoAdapter.Settings())
    providers = Providers({provider: adapter}, figures, limit=1)
    world_of(provider).fail("revoke", Fault.UNREACHABLE)

    with pytest.raises(UnreachableError):
        await providers.remove_mark(provider, new_id(), datetime.now(UTC))
    gone = await providers.remove_mark(provider, new_id(), datetime.now(UTC))

    assert gone is Presence.ABSENT
    assert [call[1:] for call in figures.calls] == [
        ("revoke", "unreachable"),
        ("revoke", "ok"),
        ("verify", "ok"),
    ]
