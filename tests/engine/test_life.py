"""A grant's life through the engine, on both databases."""

import secrets
from datetime import timedelta

import pytest

from bot.domain.errors import RefusalError
from bot.domain.grant import EndReason, State
from bot.storage.database import Database
from tests.engine.office import DANA, GUEST, MAYA, MINUTE, OMAR, OPS, office


def name() -> str:
    return f"pg-{secrets.token_hex(4)}"


async def test_asked_approved_revoked(database: Database) -> None:
    """Approve makes the access, Revoke now takes it away, and both are proven."""
    async with office(database, provider=name()) as here:
        grant = await here.ask()

        assert grant.state is State.PENDING

        await here.engine.service.vote(MAYA, grant.id)
        active = await here.until(grant.id, State.ACTIVE)

        assert active.native_end == active.expires_at
        assert grant.id in await here.engine.providers.owned(grant.order.provider)

        await here.engine.service.revoke(OPS, grant.id, reason="enough")
        ended = await here.until(grant.id, State.ENDED)

        assert ended.end_reason is EndReason.REVOKED
        assert not await here.engine.providers.owned(grant.order.provider)
        assert await here.kinds(grant.id) == [
            "grant.requested",
            "grant.approved",
            "grant.started",
            "grant.revoked",
            "grant.ended",
        ]


async def test_expires_on_time(database: Database) -> None:
    """Access ends by itself when its time has come, and not before."""
    async with office(database, provider=name()) as here:
        grant = await here.ask(duration=10 * MINUTE)
        await here.engine.service.vote(MAYA, grant.id)
        await here.until(grant.id, State.ACTIVE)
        here.pass_time(9 * MINUTE)
        await here.engine.ledger.read(lambda _conn: None)

        assert (await here.grant(grant.id)).state is State.ACTIVE

        here.pass_time(MINUTE + timedelta(seconds=1))
        ended = await here.until(grant.id, State.ENDED)

        assert ended.end_reason is EndReason.EXPIRED
        await here.wait(lambda: bool(here.figures.lateness))


async def test_extension_is_voted_and_moved(database: Database) -> None:
    """An approved extension moves the end at the provider first, then in the row."""
    async with office(database, provider=name()) as here:
        grant = await here.ask(duration=30 * MINUTE)
        await here.engine.service.vote(MAYA, grant.id)
        active = await here.until(grant.id, State.ACTIVE)
        await here.engine.service.extend(DANA, grant.id, 15 * MINUTE, reason="not done")
        await here.engine.service.vote_extension(OMAR, grant.id, 1)
        await here.wait(lambda: any(n.notice.kind == "dm_extended" for n in here.postbox.told))
        extended = await here.grant(grant.id)

        assert active.expires_at is not None
        assert extended.expires_at == active.expires_at + 15 * MINUTE
        assert extended.native_end == extended.expires_at


@pytest.mark.parametrize("who", [DANA, GUEST, OPS, "U0NOBODY"])
async def test_only_approvers_decide(database: Database, who: str) -> None:
    """Neither the requester, a guest, an admin nor a stranger can approve; the row stays."""
    async with office(database, provider=name()) as here:
        grant = await here.ask()
        with pytest.raises(RefusalError):
            await here.engine.service.vote(who, grant.id)

        assert (await here.grant(grant.id)).state is State.PENDING
        assert (await here.kinds(grant.id))[-1] == "click.refused"
