"""The engine as one thing: made of its parts, started, poked, stopped."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from adapters.base import Adapter
from bot.domain.acts import Cancel, Role
from bot.domain.grant import Grant, State
from bot.domain.policy import Policy
from bot.domain.record import Event, EventKind
from bot.engine.authority import CHANGED, Authority
from bot.engine.bulkhead import CALLS_PER_PROVIDER
from bot.engine.claims import Claim
from bot.engine.jobs import Provision
from bot.engine.ledger import Ledger, Pen, Written
from bot.engine.operating import Operating
from bot.engine.outbox import Outbox
from bot.engine.ports import Directory, Meter, PolicySource, Poster
from bot.engine.providers import Providers
from bot.engine.proving import Prover, Signer, Witness
from bot.engine.reading import Reading
from bot.engine.restoring import Restoring
from bot.engine.service import Service
from bot.engine.skew import Skew
from bot.engine.starting import Starter
from bot.engine.sweep import Sweep
from bot.engine.tasks import Tasks
from bot.engine.ticker import Ticker
from bot.engine.watching import Watch
from bot.engine.worker import CALLS_AT_ONCE, Worker
from bot.storage import store
from bot.storage.database import Database

log = structlog.get_logger("curfew.engine")

STOP_WITHIN: Final = 9.0
SOONEST: Final = timedelta(milliseconds=10)
REMEMBER: Final = timedelta(hours=24)
"""How long a request that was seen is remembered; Slack repeats none after an hour."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often each thing is looked at. Every one of them may be missed: the next does it."""

    tick: timedelta = timedelta(seconds=1)
    watch: timedelta = timedelta(seconds=30)
    sweep: timedelta = timedelta(minutes=5)
    prove: timedelta = timedelta(minutes=5)
    bury: timedelta = timedelta(seconds=5)
    forget: timedelta = timedelta(hours=1)
    compare: timedelta = timedelta(minutes=1)


@dataclass(slots=True)
class Engine:
    """Made with everything from outside. `service`, `reading` and `operating` are the ways in."""

    database: Database
    policies: PolicySource
    directory: Directory
    adapters: Mapping[str, Adapter]
    poster: Poster
    meter: Meter
    signer: Signer
    witness: Witness
    rhythm: Rhythm = field(default_factory=Rhythm)
    calls_at_once: int = CALLS_AT_ONCE
    calls_per_provider: int = CALLS_PER_PROVIDER
    ledger: Ledger = field(init=False)
    providers: Providers = field(init=False)
    service: Service = field(init=False)
    reading: Reading = field(init=False)
    operating: Operating = field(init=False)
    _tasks: Tasks = field(init=False)
    _worker: Worker = field(init=False)
    _outbox: Outbox = field(init=False)
    _ticker: Ticker = field(init=False)
    _sweep: Sweep = field(init=False)
    restoring: Restoring = field(init=False)
    _prover: Prover = field(init=False)
    _watch: Watch = field(init=False)
    _skew: Skew = field(init=False)
    _listeners: list[Callable[[tuple[Grant, ...]], None]] = field(init=False)
    _waking: datetime | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Put the parts together; nothing runs yet."""
        owner = self.database.replica
        self.ledger = Ledger(self.database)
        self.providers = Providers(
            self.adapters, self.meter, limit=self.calls_per_provider, moment=self._moment
        )
        authority = Authority(self.directory, self.policies)
        self.service = Service(self.ledger, authority, self.providers)
        self.reading = Reading(self.ledger, authority, self.providers)
        self.operating = Operating(self.ledger)
        provision = Provision(self.providers)
        self._tasks = Tasks()
        self._worker = Worker(
            self.ledger,
            Claim(owner, provision),
            provision,
            start=Starter(authority).decide,
            busy=lambda: self.providers.busy,
            held_up=lambda: self.providers.held_up,
            ahead=self._wake_at,
            meter=self.meter,
            calls_at_once=self.calls_at_once,
            moment=self._moment,
        )
        self._outbox = Outbox(
            self.ledger, self.poster, owner=owner, pressed=lambda: self._worker.saturated
        )
        self._ticker = Ticker(self._tasks)
        self._sweep = Sweep(self.ledger, self.providers)
        self._prover = Prover(self.ledger, self.signer, self.witness)
        self.restoring = Restoring(self.ledger, self.witness)
        self._watch = Watch(self.ledger, self.providers)
        self._skew = Skew(self.database)
        self._listeners = []

    def _moment(self) -> float:
        """A steady clock that moves with the tests' one."""
        return time.monotonic() + self.database.clock.offset.total_seconds()

    @property
    def tick_age(self) -> float:
        """Seconds since the engine last saw what is due: health."""
        return time.monotonic() - self._worker.looked_at

    def changed(self, listener: Callable[[tuple[Grant, ...]], None]) -> None:
        """`listener` hears after each commit which grants it changed. It must not block."""
        self._listeners.append(listener)

    async def start(self) -> None:
        """Free what dead processes held, then begin. Needs a running loop."""
        await self.restoring.look()
        await self.ledger.write(self._free_dead)
        self.ledger.subscribe(self._committed)
        self.database.on_hint(self.poke)
        self._worker.begin()
        self._outbox.begin()
        self._ticker.every(self.rhythm.tick, "tick", self._tick)
        self._ticker.every(self.rhythm.watch, "watch", self._watch.run)
        self._ticker.every(self.rhythm.sweep, "sweep", self._sweep.run)
        self._ticker.every(self.rhythm.prove, "prove", self._prover.run)
        self._ticker.every(self.rhythm.bury, "bury", self._bury)
        self._ticker.every(self.rhythm.forget, "forget", self._forget)
        self._ticker.every(self.rhythm.compare, "compare clocks", self._skew.run)
        self._ticker.begin()
        self._tasks.start(self._sweep.run(), "first sweep")
        self._tasks.start(self._skew.run(), "first look at the clocks")
        self.poke()

    async def stop(self) -> None:
        """No new work; running calls finish and are recorded. Within ten seconds."""
        self._ticker.close()
        await self._worker.close(STOP_WITHIN / 2)
        await self._outbox.close(STOP_WITHIN / 4)
        await self._tasks.close(STOP_WITHIN / 4)

    def poke(self) -> None:
        """There may be work."""
        self._worker.poke()
        self._outbox.poke()

    async def note(self, kind: EventKind, **data: object) -> None:
        """An event of the bot's own life."""
        await self.ledger.write(
            lambda pen: pen.note(Event(kind=kind, at=pen.now, actor="bot", data=data))
        )

    async def sweep(self) -> None:
        """One sweep now, beside the regular ones."""
        await self._sweep.run()

    async def prove(self) -> None:
        """A checkpoint now, when there is news, beside the regular ones."""
        await self._prover.run()

    async def use(self, policy: Policy, adapters: Mapping[str, Adapter]) -> None:
        """A new policy is in force: its adapters, and an end to requests whose rule changed."""
        await self.providers.replace(adapters)
        after = None
        while True:
            after = await self.ledger.write(partial(_cancel_changed, policy=policy, after=after))
            if after is None:
                break

    async def _bury(self) -> None:
        """A replica that died is known by its free lock: what it held need not wait for leases."""
        if await self.ledger.read(store.dead_owners):
            await self.ledger.write(self._free_dead)
            self.poke()

    def _free_dead(self, pen: Pen) -> None:
        dead = store.dead_owners(pen.conn)
        freed = store.free_leases(pen.conn, dead)
        if freed:
            log.info("leases of dead processes freed", count=freed)

    def _committed(self, written: Written) -> None:
        if written.notices:
            self._outbox.poke()
        # Not our own claims: what is leased waits for its lease, not for us.
        times = [g.next_at for g in written.grants if g.next_at and g.lease_token is None]
        if times and (nearest := min(times)) <= self.database.clock.now():
            due = [g.id for g in written.grants if g.next_at == nearest]
            self._worker.poke(due[0] if len(due) == 1 else None)
        elif times:
            self._wake_at(nearest)
        for listener in self._listeners:
            listener(written.grants)

    def _wake_at(self, moment: datetime) -> None:
        """Move the wake-up forward to `moment` when that is near; the ticks do the rest."""
        clock = self.database.clock
        now = clock.now()
        # Not at once: the database's clock may be a little behind ours.
        moment = max(moment, now + SOONEST)
        soon = moment - now < self.rhythm.tick * 2
        if soon and (self._waking is None or moment < self._waking):
            self._waking = moment
            self._ticker.wake_at(moment - clock.offset, self._woken)

    def _woken(self) -> None:
        self._waking = None
        self._worker.poke()

    async def _tick(self) -> None:
        self.poke()

    async def _forget(self) -> None:
        await self.ledger.write(lambda pen: store.forget_seen(pen.conn, pen.now - REMEMBER))


def _cancel_changed(
    pen: Pen, *, policy: Policy, after: store.Position | None
) -> store.Position | None:
    """Requests whose resource grants, or is decided on, differently now: asked anew, or not.

    A page of them; behind which the next one goes on, None when this was the last.
    """
    page = store.pending_grants(pen.conn, after=after)
    for grant in page:
        resource = policy.resources.get(grant.resource)
        if resource is not None and resource.digest == grant.policy_hash:
            continue
        locked = pen.grant(grant.id)
        if locked is not None and locked.state is State.PENDING:
            why = CHANGED.format(grant.resource)
            pen.step(locked, Cancel(actor="clock", role=Role.CLOCK, reason=why))
    return store.position(page[-1]) if page else None
