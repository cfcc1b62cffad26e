"""What cannot be told now is told later, what can never be told is said to have been dropped."""

import asyncio
import secrets
from datetime import timedelta
from functools import partial

import pytest

from bot.domain.errors import CurfewError
from bot.domain.record import EventKind, NoticeKind, QueuedNotice
from bot.engine.ports import Posting, PostLaterError, PostRefusedError, UntoldError
from bot.storage import store
from bot.storage.database import Database
from tests.engine.office import MAYA, MINUTE, Office, Trouble, office


def name() -> str:
    return f"pg-{secrets.token_hex(4)}"


def of_kind(kind: NoticeKind, error: CurfewError, *, times: int = 1) -> Trouble:
    """The trouble that the first so many of a kind meet."""
    left = [times]

    def meet(notice: QueuedNotice) -> CurfewError | None:
        if notice.notice.kind is not kind or not left[0]:
            return None
        left[0] -= 1
        return error

    return meet


def told(here: Office, kind: NoticeKind) -> list[QueuedNotice]:
    return [one for one in here.postbox.told if one.notice.kind is kind]


def is_told(here: Office, kind: NoticeKind) -> bool:
    return bool(told(here, kind))


async def pass_until_told(here: Office, kind: NoticeKind) -> timedelta:
    """Moves the clock in small steps; how far it had to go."""
    passed = timedelta(0)
    async with asyncio.timeout(20):
        while not is_told(here, kind):
            here.pass_time(timedelta(seconds=4))
            passed += timedelta(seconds=4)
            await asyncio.sleep(0.05)
    return passed


@pytest.mark.parametrize("unsure", [False, True])
async def test_told_again_as_soon_as_asked(database: Database, *, unsure: bool) -> None:
    """Not before the time that Slack named; and whether it may have arrived is remembered."""
    async with office(database, provider=name()) as here:
        error = PostLaterError("wait", retry_after=20, unsure=unsure)
        here.postbox.trouble = of_kind(NoticeKind.CARD, error)
        await here.ask()
        await here.wait(partial(is_told, here, NoticeKind.DM_ASKED))
        passed = await pass_until_told(here, NoticeKind.CARD)

        assert passed >= timedelta(seconds=20)
        assert [one.unsure for one in told(here, NoticeKind.CARD)] == [unsure]


@pytest.mark.parametrize(
    "error", [PostLaterError("wait", retry_after=1), PostRefusedError("no", "It was refused.")]
)
async def test_what_stands_before_a_failure_is_remembered(
    database: Database, error: UntoldError
) -> None:
    """A card that was posted anew before its line failed is edited from then on, not doubled."""
    async with office(database, provider=name()) as here:
        grant = await here.ask()
        look = partial(store.get_posting, grant_id=grant.id, role="card")
        error.postings = (Posting(grant.id, "card", "C1", "1700000000.000100", "anew"),)
        here.postbox.trouble = of_kind(NoticeKind.THREAD, error)
        await here.engine.service.vote(MAYA, grant.id)
        async with asyncio.timeout(5):
            while (kept := await database.read(look)) is None or kept.ts == "1":
                await here._turn()
        assert (kept.ts, kept.digest) == ("1700000000.000100", "anew")


async def test_what_can_never_be_told_is_in_the_log(database: Database) -> None:
    """A person who is deactivated gets no message: an event says so, and the rest goes on."""
    async with office(database, provider=name()) as here:
        refused = PostRefusedError("user_disabled", "Dana is deactivated.")
        here.postbox.trouble = of_kind(NoticeKind.DM_ASKED, refused)
        grant = await here.ask()
        await here.wait(partial(is_told, here, NoticeKind.CARD))
        async with asyncio.timeout(5):
            while EventKind.NOTICE_DROPPED not in {one.kind for one in await here.log()}:
                await here._turn()
        here.pass_time(10 * MINUTE)
        line = [one for one in await here.log() if one.kind is EventKind.NOTICE_DROPPED]

        assert [one.grant_id for one in line] == [grant.id]
        assert "user_disabled" in line[0].body
        assert told(here, NoticeKind.DM_ASKED) == []


async def test_the_audit_channel_is_never_given_up(database: Database) -> None:
    """A channel that is gone may come back: its lines wait, in their order."""
    async with office(database, provider=name()) as here:
        refused = PostRefusedError("channel_not_found", "The audit channel is gone.")
        here.postbox.trouble = of_kind(NoticeKind.AUDIT_LINE, refused, times=2)
        await here.ask()
        await here.wait(partial(is_told, here, NoticeKind.CARD))

        assert told(here, NoticeKind.AUDIT_LINE) == []

        assert await pass_until_told(here, NoticeKind.AUDIT_LINE) >= 2 * MINUTE

        assert EventKind.NOTICE_DROPPED not in {one.kind for one in await here.log()}
