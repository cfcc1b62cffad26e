"""The half of the soak whose clock is moved: many lives, a provider with moods, power cuts.

A power cut in one process: every task of the engine is cancelled where it stands, nothing more is
written, and the database is opened anew by another owner. What SQLite's writer thread had begun
to commit may be on disk or not, as after a real one.
"""

import asyncio
import secrets
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from random import Random

from sqlalchemy import Connection, text

from adapters.demo import DemoAdapter, Fault, Verb, World, forget_worlds, world_of
from bench.ground import Field
from bench.scene import Nobody, Quiet, Rules, Sink
from bot.config.audit_key import load_or_make
from bot.domain.command import Ask
from bot.domain.errors import RefusalError
from bot.domain.grant import OPERATIONAL, EndReason, Grant, State
from bot.domain.policy import Channels, Policy, Provider, Resource
from bot.domain.principal import Principal, PrincipalKind
from bot.domain.record import SealedEvent
from bot.domain.replay import replay
from bot.engine.engine import Engine
from bot.engine.proving import Witness
from bot.engine.verifying import prove
from bot.storage import store
from bot.storage.clock import Clock
from bot.storage.database import Database
from bot.storage.errors import StorageError

AT_ONCE = 200
"""People who ask in one round."""

ROUNDS = 3
PATIENCE = 30.0
"""Seconds in which something has to come to rest when nothing fails any more."""

APPROVER = "U0MAYA"
LANDS = 1.0
"""Seconds within which a grant call that was given up on lands: what the adapter promises."""

VERBS: tuple[Verb, ...] = ("grant", "revoke", "verify")
FAULTS: dict[Fault, tuple[Verb, ...]] = {
    Fault.REFUSE: VERBS,
    Fault.UNREACHABLE: VERBS,
    Fault.THROTTLE: VERBS,
    Fault.LOST_ANSWER: VERBS,
    Fault.LAND_LATE: VERBS,
    Fault.PENDING: VERBS,
    Fault.SLOW: VERBS,
    Fault.HANG: VERBS,
    # A look that lies is beyond anybody: what it hides is found by the sweep.
    Fault.LIE: ("grant", "revoke"),
}


async def rounds(field: Field, chance: Random, counts: Counter[str], until: float) -> None:
    """Some rounds on one database, each ended by a power cut; then rest, and the invariants."""
    name = f"soak-{secrets.token_hex(4)}"
    forget_worlds()
    world, clock = world_of(name), Clock()
    world.clock = clock.now
    for _ in range(ROUNDS):
        await _round(field, name, clock, chance, counts)
        if time.monotonic() > until:
            break
    world.heal()
    await _rest(field, name, clock)
    counts["lives"] += await _check(field.url, world)


async def _round(
    field: Field, name: str, clock: Clock, chance: Random, counts: Counter[str]
) -> None:
    """People ask, are approved, end early or run out; provider and database have their moods."""
    database = await Database.open(field.url, exclusive=True, clock=clock)
    engine = _engine(database, field.folder, name)
    await engine.start()
    try:
        counts["faults"] += _upset(world_of(name), chance)
        troubled = asyncio.create_task(_trouble(field, chance, counts))
        lives = [_life(engine, f"U{secrets.token_hex(5).upper()}", chance) for _ in range(AT_ONCE)]
        await asyncio.gather(*lives)
        for _ in range(chance.randrange(1, 8)):
            clock.offset += timedelta(seconds=chance.uniform(1, 600))
            engine.poke()
            await asyncio.sleep(chance.uniform(0.0, 0.15))
        await troubled
    finally:
        await power_cut(engine, database)
    counts["kills"] += 1


def _upset(world: World, chance: Random) -> int:
    """Faults that wait for the provider's next calls; how many."""
    ordered = 0
    for _ in range(chance.randrange(0, 12)):
        times, fault = chance.randrange(1, 5), chance.choice(list(FAULTS))
        verb = chance.choice(FAULTS[fault])
        most = {Fault.SLOW: 0.2, Fault.LAND_LATE: LANDS, Fault.PENDING: LANDS}.get(fault, 20.0)
        world.fail(verb, fault, times=times, seconds=chance.uniform(0.01, most))
        ordered += times
    return ordered


async def _trouble(field: Field, chance: Random, counts: Counter[str]) -> None:
    """In one round of three the database has troubles of its own."""
    if chance.random() < 1 / 3:
        await asyncio.sleep(chance.uniform(0.0, 0.5))
        name, trouble = chance.choice(field.troubles(chance))
        await asyncio.to_thread(trouble)
        counts["faults"] += 1
        counts[f"({name})"] += 1


async def _life(engine: Engine, who: str, chance: Random) -> None:
    """One person's doings. What is refused, or not written, is an answer like any other."""
    length = timedelta(minutes=chance.randrange(1, 60))
    try:
        asked = Ask(resource="lab", reason="a reason of usual length", duration=length)
        grant = await engine.service.ask(who, asked)
        if chance.random() < 0.9:
            await engine.service.vote(APPROVER, grant.id)
        if chance.random() < 0.3:
            await engine.service.revoke(who, grant.id)
    except (RefusalError, StorageError):
        return


async def power_cut(engine: Engine, database: Database) -> None:
    """Every task but ours is cancelled where it stands; then the connections go."""
    engine._ticker.close()  # noqa: SLF001 - its timer is no task, and would start new ones
    ours = asyncio.current_task()
    tasks = [task for task in asyncio.all_tasks() if task is not ours]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await database.close()


def _engine(database: Database, folder: Path, name: str) -> Engine:
    at = Provider(name, "demo", {})
    anyone = (Principal(PrincipalKind.ANYONE),)
    lab = Resource(
        name="lab", provider=at, grant={"level": "read"}, requesters=anyone, approvers=anyone
    )
    policy = Policy(channels=Channels("C1", "C2"), providers={name: at}, resources={"lab": lab})
    return Engine(
        database,
        Rules(policy),
        Nobody(),
        {name: DemoAdapter(name, DemoAdapter.Settings(), call_limit=0.5)},
        Sink(),
        Quiet(),
        load_or_make(folder / "audit.key"),
        Witness(folder / "audit.key.checkpoint"),
    )


async def _rest(field: Field, name: str, clock: Clock) -> None:
    """A bot that nobody disturbs any more, and time enough."""
    async with await Database.open(field.url, exclusive=True, clock=clock) as database:
        engine = _engine(database, field.folder, name)
        await engine.start()
        try:
            left, since = 0, time.monotonic()
            while (now := await database.read(_left)) != 0:
                if now != left:
                    left, since = now, time.monotonic()
                assert time.monotonic() - since < PATIENCE, f"{left} are left and nothing moves"
                clock.offset += timedelta(seconds=20)
                engine.poke()
                await asyncio.sleep(0.1)
        finally:
            await engine.stop()


def _left(conn: Connection) -> int:
    """How many grants and notices are not at rest."""
    live = "SELECT count(*) FROM grants WHERE next_at IS NOT NULL OR lease_token IS NOT NULL"
    return int(conn.execute(text(live)).scalar_one()) + store.notice_backlog(conn)[0]


async def _check(url: str, world: World) -> int:
    """The invariants over everything that ever was on this database; how many lives it was."""
    async with await Database.open(url) as database:
        proof = await prove(database)
        assert proof.fault is None, proof.fault
        log = await database.read(lambda conn: store.events_page(conn, 0, 10_000_000))
        lines: dict[str, list[SealedEvent]] = {}
        for line in log:
            lines.setdefault(line.grant_id or "", []).append(line)
        lines.pop("", None)
        rows = await database.read(lambda conn: store.get_grants(conn, lines))
        assert rows.keys() == lines.keys()
        for grant_id, grant in rows.items():
            _check_one(grant, lines[grant_id])
        world.settle()
        assert not world.access, f"left at the provider: {sorted(world.access)[:5]}"
        return len(rows)


def _check_one(grant: Grant, lines: list[SealedEvent]) -> None:
    again = replay(lines)
    for name in grant.__struct_fields__:
        if name not in OPERATIONAL:
            assert getattr(again, name) == getattr(grant, name), (grant.id, name)
    kinds = Counter(line.kind.value for line in lines)
    assert not grant.state.live, (grant.id, grant.state)
    # Found after its end: then "verified gone" was said too early.
    assert not kinds["orphan.found"], (grant.id, kinds)
    assert kinds["grant.started"] <= 1, (grant.id, kinds)
    assert kinds["grant.ended"] == (grant.state is State.ENDED), (grant.id, kinds)
    assert grant.requester not in grant.votes, grant.id
    if grant.started_at is not None and grant.end_reason is EndReason.EXPIRED:
        assert grant.expires_at is not None
        assert grant.revoking_at is not None
        assert grant.revoking_at >= grant.expires_at, grant.id
