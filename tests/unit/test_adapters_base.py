"""The fence around every adapter: time limits, the error family, and no secret in a message."""

import asyncio
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from adapters.base import (
    MESSAGE_LIMIT,
    Adapter,
    AdapterError,
    Caps,
    Order,
    Person,
    Presence,
    ProviderSettings,
    RefusedError,
    UnreachableError,
    UnsupportedError,
)

ORDER = Order("0123456789ab", "prod-db", {}, Person("U1"), datetime(2026, 1, 1, tzinfo=UTC))


class Settings(ProviderSettings):
    key: SecretStr


class Clumsy(Adapter):
    """Does whatever it is told to when it is asked to look."""

    kind = "clumsy"
    capabilities = Caps.PER_GRANT
    answer: BaseException | None = None
    waits = False

    async def _probe(self) -> list[str]:
        return ["always this"]

    async def _grant(self, order: Order) -> None:
        del order

    async def _revoke(self, order: Order) -> None:
        del order

    async def _verify(self, order: Order) -> Presence:
        if self.waits:
            await asyncio.Event().wait()
        if self.answer is not None:
            raise self.answer
        return Presence.PRESENT if order is ORDER else Presence.ABSENT


@pytest.fixture
def clumsy() -> Clumsy:
    return Clumsy("shop", Settings(key=SecretStr("s3cr3t-key")), call_limit=0.05)


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (UnreachableError("gone"), UnreachableError),
        (RefusedError("no"), RefusedError),
        (UnsupportedError("never"), UnsupportedError),
        (KeyError("surprise"), UnreachableError),
        (ConnectionResetError("cut"), UnreachableError),
        (TimeoutError(), UnreachableError),
    ],
)
async def test_only_the_family_leaves(
    clumsy: Clumsy, raised: Exception, told: type[AdapterError]
) -> None:
    """Whatever a hook raises, the caller gets an error that says who must act."""
    clumsy.answer = raised
    with pytest.raises(AdapterError) as caught:
        await clumsy.verify(ORDER)
    assert type(caught.value) is told


async def test_a_silent_provider_costs_the_limit(
    clumsy: Clumsy, caplog: pytest.LogCaptureFixture
) -> None:
    """A hook that never returns is given up on, and the log says so with the mark."""
    caplog.set_level("INFO", logger="curfew.adapters")
    clumsy.waits = True
    with pytest.raises(UnreachableError, match=r"no answer within 0\.05 s"):
        await clumsy.verify(ORDER)
    assert "shop verify curfew-0123456789ab timeout" in caplog.text


async def test_a_cancelled_call_is_not_logged_as_done(
    clumsy: Clumsy, caplog: pytest.LogCaptureFixture
) -> None:
    """Cancelling a call rises as cancelling, and the log does not call it a success."""
    caplog.set_level("INFO", logger="curfew.adapters")
    clumsy.waits, clumsy.call_limit = True, 10.0
    task = asyncio.create_task(clumsy.verify(ORDER))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "verify curfew-0123456789ab cancelled" in caplog.text


@pytest.mark.parametrize("kind", [RefusedError, UnreachableError, ValueError])
async def test_no_secret_leaves_in_a_message(clumsy: Clumsy, kind: type[Exception]) -> None:
    """A provider that echoes our key gets it blacked out; long messages are cut to one line."""
    clumsy.answer = kind("wrong key s3cr3t-key\nfor you " + "x" * 500)
    with pytest.raises(AdapterError) as caught:
        await clumsy.verify(ORDER)
    said = str(caught.value)
    assert "s3cr3t-key" not in said
    assert "wrong key ••• for you" in said
    assert len(said) <= MESSAGE_LIMIT
    assert caught.value.__cause__ is None
    assert "s3cr3t-key" not in repr(clumsy.settings)


async def test_throttling_keeps_its_delay(clumsy: Clumsy) -> None:
    """What the provider said about when to come back reaches the caller."""
    clumsy.answer = UnreachableError("busy", retry_after=7.5)
    with pytest.raises(UnreachableError) as caught:
        await clumsy.verify(ORDER)
    assert caught.value.retry_after == 7.5


async def test_the_probe_says_each_thing_once(clumsy: Clumsy) -> None:
    """What lacks for several grant blocks is one line."""
    assert await clumsy.probe([{}, {}]) == ["always this"]
