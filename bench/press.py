"""A person waits: from Approve to a login that works, and from the end of a grant to its proof.

The provider is a real PostgreSQL (embedded, fsync on) through the postgres adapter; the bot's own
database is SQLite with synchronous=FULL. Slack is left out: see `acks`.
"""

import asyncio
import tempfile
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import psycopg

from adapters.postgres import PostgresAdapter, PostgresSettings
from bench.scene import LATENCY, Nobody, Quiet, Rules, Sink, database_urls, percentile
from bench.table import Table
from bot.app.process import settle_down
from bot.config.audit_key import load_or_make
from bot.domain.command import Ask
from bot.domain.grant import Grant, State
from bot.domain.policy import Channels, Policy, Provider, Resource
from bot.domain.principal import Principal, PrincipalKind
from bot.engine.engine import Engine
from bot.engine.proving import Witness
from bot.storage.database import Database
from sandbox.postgres import EmbeddedPostgres


@dataclass
class Seen:
    """When each grant reached each state, by the commits."""

    at: dict[tuple[str, State], float] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, grants: tuple[Grant, ...]) -> None:
        for grant in grants:
            self.at.setdefault((grant.id, grant.state), time.perf_counter())
        self.news.set()

    async def wait(self, grant_id: str, state: State) -> float:
        while (grant_id, state) not in self.at:
            self.news.clear()
            await self.news.wait()
        return self.at[grant_id, state]


def measure(*, quick: bool) -> Table:
    count = 20 if quick else 200
    found = asyncio.run(_run(count))
    table = Table(
        f"One person, one press ({count} grants, one after the other)",
        ("figure", "p50 ms", "p99 ms", "bar ms", "reached"),
        note="Reached by the first three rows; the others say where the time goes.",
    )
    bars = {"Approve → access verified": (60, 250), "due → verified gone, late by": (1e9, 150)}
    for name, times in found.items():
        p50, p99 = (percentile(times, share) * 1000 for share in (0.5, 0.99))
        bar = bars.get(name)
        said = "-" if bar is None else " / ".join("-" if x > 1e6 else f"{x:g}" for x in bar)
        reached = "-"
        if bar is not None:
            fine = p50 <= bar[0] and p99 <= bar[1]
            reached = table.bar(f"{name}: p50 / p99, ms", f"{p50:.3g} / {p99:.3g}", said, fine=fine)
        table.add(name, p50, p99, said, reached)
    return table


def _policy() -> Policy:
    at = Provider("orders-pg", "postgres", {})
    anyone = (Principal(PrincipalKind.ANYONE),)
    lab = Resource(
        name="lab",
        provider=at,
        grant={"roles": ["app_readonly"]},
        requesters=anyone,
        approvers=anyone,
    )
    return Policy(channels=Channels("C1", "C2"), providers={at.name: at}, resources={"lab": lab})


async def _run(count: int) -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory() as folder, database_urls(["sqlite"]) as urls:
        home = Path(folder)
        server = EmbeddedPostgres(Path(tempfile.mkdtemp()), durable=True).start()
        try:
            with psycopg.connect(server.dsn(), autocommit=True) as root:
                root.execute("CREATE ROLE app_readonly")
            adapter = PostgresAdapter("orders-pg", PostgresSettings(dsn=server.dsn()))  # type: ignore[arg-type] # pydantic hides it
            async with await Database.open(urls["sqlite"], exclusive=True, migrate=True) as base:
                quiet = Quiet()
                engine = Engine(
                    *(base, Rules(_policy()), Nobody(), {"orders-pg": adapter}, Sink(), quiet),
                    load_or_make(home / "key"),
                    Witness(home / "witness"),
                )
                await engine.start()
                settle_down()
                found = await _press(engine, server, count)
                found["due → verified gone, late by"] = await _late(engine, quiet, count)
                await engine.stop()
                await adapter.aclose()
                return found
        finally:
            server.remove()


async def _press(engine: Engine, server: EmbeddedPostgres, count: int) -> dict[str, list[float]]:
    seen = Seen()
    engine.changed(seen)
    verified, answered, usable = [], [], []
    for number in range(count):
        who = f"U{number:07}"
        words = Ask(resource="lab", reason="fix the stuck order", duration=timedelta(hours=1))
        grant = await engine.service.ask(who, words)
        pressed = time.perf_counter()
        await engine.service.vote("U0MAYA", grant.id)
        answered.append(time.perf_counter() - pressed)
        verified.append(await seen.wait(grant.id, State.ACTIVE) - pressed)
        asked = time.perf_counter()
        credential = await engine.service.issue(who, grant.id)
        dsn = next(s.text for s in credential.snippets if s.text.startswith("postgres"))
        async with await psycopg.AsyncConnection.connect(dsn) as conn:
            await conn.execute("SELECT 1")
        usable.append(time.perf_counter() - asked)
        await engine.service.revoke(who, grant.id)
        await seen.wait(grant.id, State.ENDED)
    del server
    return {
        "Approve → access verified": verified,
        "Approve → answered": answered,
        "Get credentials → logged in": usable,
    }


async def _late(engine: Engine, quiet: Quiet, count: int) -> list[float]:
    """Grants of two seconds, a few at a time, each due at a moment of its own."""
    quiet.lateness.clear()
    seen = Seen()
    engine.changed(seen)

    async def one(number: int) -> None:
        await asyncio.sleep(number * 5 * LATENCY)
        who = f"V{number:07}"
        words = Ask(resource="lab", reason="fix the stuck order", duration=timedelta(seconds=2))
        grant = await engine.service.ask(who, words)
        await engine.service.vote("U0MAYA", grant.id)
        await seen.wait(grant.id, State.ENDED)

    await asyncio.gather(*(one(number) for number in range(count)))
    return quiet.lateness
