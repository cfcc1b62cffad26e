"""The shared database crashes, or the wire to it is cut: nothing is lost and nothing done twice."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy.engine import make_url

from bot.domain.grant import State
from bot.storage.errors import OutcomeUnknownError, StorageError
from sandbox.postgres import EmbeddedPostgres
from tests.replicas.proxy import Cut, Proxy
from tests.replicas.test_replicas import ABOVE_LEASE
from tests.replicas.yard import Place

HOUR = timedelta(hours=1)


async def test_the_database_crashes_in_the_middle(here: Place, server: EmbeddedPostgres) -> None:
    """Row 14: restarted with -m immediate under load; the replicas find back and finish."""
    await here.begin_all("a", "b", "c")
    await here.active(30, HOUR)
    here.yard.pause["revoke"] = 0.3
    await here.end_all()
    await here.wait(lambda: len(here.yard.of("revoke")) >= 10)
    await asyncio.to_thread(server.restart, "immediate")
    await here.until(State.ENDED, 30, within=ABOVE_LEASE + 5)
    await here.told_all(within=90)
    await here.check()


@pytest.mark.parametrize("cut", list(Cut))
async def test_a_wire_cut_at_commit(here: Place, server: EmbeddedPostgres, cut: Cut) -> None:
    """Row 16: whether a COMMIT counted is not known; the row says so, and nothing is done twice."""
    proxy = Proxy(server.port, every=2)
    port = await proxy.start()
    try:
        url = make_url(here.url).set(port=port).render_as_string(hide_password=False)
        await (await here.begin("cut", url=url)).ready()
        await here.active(20, HOUR)
        proxy.cuts = [cut] * 5
        await here.end_all()
        await here.until(State.ENDED, 20, within=3 * ABOVE_LEASE)
    finally:
        await proxy.stop()

    assert proxy.done.count(cut) >= 2
    kinds = await here.kinds()
    assert kinds["grant.ended"] == kinds["grant.revoked"] == 20


@pytest.mark.parametrize("cut", list(Cut))
async def test_a_request_whose_commit_is_unknown(
    here: Place, server: EmbeddedPostgres, cut: Cut
) -> None:
    """Row 16: a person hears that it is not known; asking again makes no second request."""
    proxy = Proxy(server.port, every=1)
    port = await proxy.start()
    direct, there = here.url, here
    there.url = make_url(direct).set(port=port).render_as_string(hide_password=False)
    await there.open()
    proxy.cuts = [cut]
    try:
        with pytest.raises(StorageError) as caught:
            await there.grants(1, HOUR)
        asked = await there.rows()
        await there.grants(1, HOUR)

        assert isinstance(caught.value, OutcomeUnknownError)
        assert len(asked) == (1 if cut is Cut.AFTER else 0)
        assert (await there.kinds())["grant.requested"] == len(await there.rows())
        assert proxy.done == [cut]
    finally:
        await there.close()
        await proxy.stop()
