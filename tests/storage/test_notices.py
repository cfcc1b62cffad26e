"""Notices on disk: order within a lane, none lost, none told by two."""

import asyncio
from collections import defaultdict
from functools import partial

from bot.domain.record import AUDIT_LANE, Notice, NoticeKind, QueuedNotice
from bot.storage import store
from bot.storage.database import Database
from tests.storage.samples import HOUR, MINUTE, NOON, make_notice


async def add(database: Database, *news: Notice) -> None:
    await database.write(lambda conn: store.add_notices(conn, news, NOON))


async def claim(
    database: Database, token: str = "t", *, minutes: int = 0, limit: int = 50, owner: str = "me"
) -> list[QueuedNotice]:
    now = NOON + minutes * MINUTE
    return await database.write(
        lambda conn: store.claim_notices(
            conn, owner, token=token, now=now, until=now + MINUTE, limit=limit
        )
    )


async def finish(database: Database, notice: QueuedNotice) -> bool:
    return await database.write(lambda conn: store.finish_notice(conn, notice.id, notice.token))


def told(claimed: list[QueuedNotice]) -> list[tuple[str, object]]:
    return sorted((one.notice.lane, one.notice.data.get("n")) for one in claimed)


async def test_only_the_first_of_a_lane_is_claimed(database: Database) -> None:
    """A lane gives out its notices one after the other, whatever the other lanes do."""
    lanes = [AUDIT_LANE, "card:a", "dm:U1"]
    await add(database, *(make_notice(lane, n=n) for n in range(3) for lane in lanes))
    first = await claim(database)
    assert told(first) == [(lane, 0) for lane in lanes]
    assert await claim(database) == []
    for notice in first[:2]:
        assert await finish(database, notice)
    assert told(await claim(database)) == [
        (notice.notice.lane, 1) for notice in sorted(first[:2], key=lambda n: n.notice.lane)
    ]


async def test_round_trip(database: Database) -> None:
    """A claimed notice holds all that was queued."""
    notice = Notice(
        "dm:U1", NoticeKind.DM_GRANTED, "abcd", {"a": [1, None, {"b": True}], "ü": "\0"}
    )
    await add(database, notice)
    (found,) = await claim(database, "token")
    assert found == QueuedNotice(found.id, notice, NOON, 0, unsure=False, token="token")


async def test_what_fails_holds_up_its_lane_alone(database: Database) -> None:
    """A notice to be tried again later blocks those behind it, and no other lane."""
    await add(database, *(make_notice(lane, n=n) for lane in ("dm:U1", "dm:U2") for n in range(2)))
    one, two = sorted(await claim(database), key=lambda claimed: claimed.notice.lane)
    later = NOON + HOUR
    assert await database.write(
        lambda conn: store.retry_notice(conn, one.id, one.token, later, unsure=True)
    )
    assert await finish(database, two)
    (next_of_two,) = await claim(database)
    assert told([next_of_two]) == [("dm:U2", 1)]
    assert await finish(database, next_of_two)
    (again,) = await claim(database, "u", minutes=61, limit=1)
    assert (again.id, again.attempts, again.unsure) == (one.id, 1, True)
    await database.write(
        lambda conn: store.retry_notice(conn, one.id, "u", NOON + 2 * HOUR, unsure=False)
    )
    third = await claim(database, minutes=121)
    assert (one.id, 2, True) in {(n.id, n.attempts, n.unsure) for n in third}


async def test_a_stale_claim_finishes_nothing(database: Database) -> None:
    """Who was too slow can neither finish nor put off what another has claimed since."""
    await add(database, make_notice("dm:U1"))
    (slow,) = await claim(database, "slow")
    (quick,) = await claim(database, "quick", minutes=2)
    assert quick.id == slow.id
    assert not await finish(database, slow)
    assert not await database.write(
        lambda conn: store.retry_notice(conn, slow.id, slow.token, NOON, unsure=True)
    )
    assert await finish(database, quick)
    assert await claim(database, minutes=9) == []


async def test_what_is_being_told_is_left_alone(database: Database) -> None:
    """A lapsed lease gives out no notice, and nothing behind it, that the claimer still tells."""
    await add(database, *(make_notice(lane, n=n) for lane in (AUDIT_LANE, "dm:U1") for n in (1, 2)))
    telling = {notice.id for notice in await claim(database)}
    later = NOON + HOUR
    claim_all = partial(
        store.claim_notices, owner="me", token="u", now=later, until=later + MINUTE, limit=9
    )

    assert await database.write(partial(claim_all, besides=telling)) == []
    assert told(await database.write(claim_all)) == [(AUDIT_LANE, 1), ("dm:U1", 1)]


async def test_cards_of_a_lane_are_one(database: Database) -> None:
    """A card is brought up to date once for all that waits; lines between them stay."""
    card, line = NoticeKind.CARD, NoticeKind.THREAD
    await add(
        database,
        make_notice("card:a", card, n=1),
        make_notice("card:a", line, n=2),
        make_notice("card:a", card, n=3),
        make_notice("card:b", card, n=4),
    )
    claimed = await claim(database)
    assert told(claimed) == [("card:a", 1), ("card:b", 4)]
    await add(database, make_notice("card:a", card, n=5))
    for notice in claimed:
        await finish(database, notice)
    rest = []
    while claimed := await claim(database):
        rest += [notice.notice.data["n"] for notice in claimed]
        for notice in claimed:
            await finish(database, notice)
    assert rest == [2, 5]


async def test_a_freed_notice_is_due_at_once(database: Database) -> None:
    """What a dead process had claimed is told by the next one without waiting."""
    await add(database, make_notice("dm:U1"))
    (lost,) = await claim(database, owner="crashed-1")
    assert await database.read(store.dead_owners) == ["crashed-1"]
    await database.write(lambda conn: store.free_leases(conn, ["crashed-1"]))
    now = await database.read(store.now)
    (again,) = await database.write(
        lambda conn: store.claim_notices(
            conn, "me", token="t", now=now, until=now + MINUTE, limit=9
        )
    )
    assert again.id == lost.id


async def test_numbers_are_never_used_again(database: Database) -> None:
    """A delivered notice's number, which a message carries, is not another's later."""
    await add(database, make_notice("dm:U1"))
    (first,) = await claim(database)
    await finish(database, first)
    await add(database, make_notice("dm:U1"))
    (second,) = await claim(database)
    assert second.id > first.id


async def test_backlog_and_next(database: Database) -> None:
    """How much waits, since when, and when to look next."""
    assert await database.read(store.notice_backlog) == (0, None)
    assert await database.read(store.next_notice_due) is None
    await add(database, *(make_notice(AUDIT_LANE, n=n) for n in range(3)))
    await database.write(lambda conn: store.add_notices(conn, [make_notice("dm:U1")], NOON + HOUR))
    assert await database.read(store.notice_backlog) == (4, NOON)
    assert await database.read(store.next_notice_due) == NOON
    (first,) = await claim(database)
    await database.write(
        lambda conn: store.retry_notice(conn, first.id, first.token, NOON + 2 * HOUR, unsure=False)
    )
    assert await database.read(store.next_notice_due) == NOON + HOUR


async def test_two_deliverers(database: Database, other: Database) -> None:
    """Several deliverers tell everything once, and each lane in order."""
    count = 12
    lanes = [AUDIT_LANE, *(f"dm:U{number}" for number in range(9))]
    for number in range(count):
        await add(database, *(make_notice(lane, n=number) for lane in lanes))
    said: defaultdict[str, list[object]] = defaultdict(list)
    waiting = count * len(lanes)

    async def deliver(base: Database, name: str) -> None:
        nonlocal waiting
        while waiting:
            for notice in await claim(base, f"{base.replica}{name}", limit=3):
                said[notice.notice.lane].append(notice.notice.data["n"])
                assert await finish(base, notice)
                waiting -= 1

    async with asyncio.timeout(60):
        await asyncio.gather(*(deliver(base, name) for base in (database, other) for name in "ab"))
    assert said == {lane: list(range(count)) for lane in lanes}


async def test_a_lapsed_lease_leaves_it_unsure(database: Database) -> None:
    """Whoever let the lease lapse, or died with it, may have told it: the next one must look."""
    await add(database, make_notice("dm:U1"))
    (first,) = await claim(database, "one")
    (second,) = await claim(database, "two", minutes=2, owner="crashed-1")
    await database.write(lambda conn: store.free_leases(conn, ["crashed-1"]))
    (third,) = await claim(database, "three", minutes=60 * 24 * 3650)
    assert [notice.unsure for notice in (first, second, third)] == [False, True, True]
