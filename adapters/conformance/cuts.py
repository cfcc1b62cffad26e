"""Calls that die at every point at which they can die."""

from asyncio import CancelledError
from collections.abc import Coroutine, Generator
from itertools import count
from typing import Any, Literal

from adapters.base import Adapter, Presence
from adapters.conformance.ground import Ground
from adapters.conformance.stage import Stage, cleared

MOST_STEPS = 500

When = Literal["asking", "answered"]


class Cut:
    """Runs a coroutine and cancels it at its n-th wait; awaiting it says whether it finished.

    `asking`: it has just begun to wait, what it asked for may or may not happen. `answered`: what
    it waited for is there, and it never learns so.
    """

    def __init__(self, call: Coroutine[Any, Any, object], step: int, when: When) -> None:
        self._call = call
        self._step = step
        self._when = when

    def __await__(self) -> Generator[Any, None, bool]:
        inner = self._call.__await__()
        waits, cut = 0, False
        error: BaseException | None = None
        try:
            while True:
                awaited = inner.throw(error) if error else inner.send(None)
                error = None
                waits += 1
                due = waits == self._step and not cut
                if due and self._when == "asking":
                    cut, error = True, CancelledError()
                    continue
                try:
                    yield awaited
                except BaseException as thrown:  # noqa: BLE001 - handed on to whom it is meant for
                    error = thrown
                if due and error is None:
                    cut, error = True, CancelledError()
        except StopIteration:
            return not cut
        except CancelledError:
            if cut:
                return False
            raise


class Cuts(Stage):
    """Whatever a cut-off call left, the next call finds by the mark."""

    async def test_a_cut_off_grant_can_be_revoked(self, ground: Ground, adapter: Adapter) -> None:
        """A grant that died at any wait leaves nothing that revoke does not clean."""
        before = await ground.inventory()
        orders = []
        for when in ("asking", "answered"):
            for step in count(1):
                order = ground.order()
                orders.append(order)
                finished = await Cut(adapter.grant(order), step, when)
                await adapter.revoke(order)
                if finished:
                    break
                assert step < MOST_STEPS
        assert len(orders) > 2, "the grant never waited: it cannot have reached a provider"
        await cleared(adapter, *orders)
        assert await ground.inventory() == before

    async def test_a_cut_off_grant_can_be_repeated(self, ground: Ground, adapter: Adapter) -> None:
        """A grant that died at any wait is completed by the next one, as if it had not."""
        order = ground.order()
        await adapter.grant(order)
        lines = len(await ground.inventory())
        await cleared(adapter, order)
        for when in ("asking", "answered"):
            for step in count(1):
                order = ground.order()
                finished = await Cut(adapter.grant(order), step, when)
                await adapter.grant(order)
                assert await adapter.verify(order) is Presence.PRESENT
                assert len(await ground.inventory()) == lines
                await cleared(adapter, order)
                if finished:
                    break
                assert step < MOST_STEPS

    async def test_a_cut_off_revoke_can_be_repeated(self, ground: Ground, adapter: Adapter) -> None:
        """A revoke that died at any wait is completed by the next one."""
        before = await ground.inventory()
        for when in ("asking", "answered"):
            for step in count(1):
                order = ground.order()
                await adapter.grant(order)
                finished = await Cut(adapter.revoke(order), step, when)
                await cleared(adapter, order)
                if finished:
                    break
                assert step < MOST_STEPS
        assert await ground.inventory() == before
