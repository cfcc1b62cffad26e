"""Whatever people, time and the provider do, in whatever order: the invariants hold.

A rule-based machine (Hypothesis) drives the real engine on a real database. After each step the
log is verified and replayed, and the provider is compared with the rows.
"""

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from adapters.demo import Fault
from bot.domain.errors import RefusalError
from bot.domain.grant import AT_PROVIDER, LIVE
from bot.domain.policy import ExtendRule
from bot.storage import store
from bot.storage.database import Database
from tests.engine.office import DANA, GUEST, MAYA, MINUTE, OMAR, OPS, Office, office

T = TypeVar("T")
WHO = st.sampled_from([DANA, MAYA, OMAR, OPS, GUEST])
VERB = st.sampled_from(["grant", "revoke", "verify", "issue"])
FAULT = st.sampled_from(
    [Fault.REFUSE, Fault.UNREACHABLE, Fault.THROTTLE, Fault.LOST_ANSWER, Fault.LIE]
)


async def at_rest(here: Office) -> None:
    """Nothing is due now and nobody works on anything."""
    busy = text("SELECT count(*) FROM grants WHERE lease_token IS NOT NULL")
    async with asyncio.timeout(20):
        while True:
            now = here.database.clock.now()
            leased = await here.database.read(lambda conn: conn.execute(busy).scalar_one())
            due = (await here.database.read(store.nearest)).at
            if not leased and (due is None or due > now):
                return
            here.engine.poke()
            await asyncio.sleep(0.005)


class Life(RuleBasedStateMachine):
    """People at work, time passing, a provider with moods."""

    grants = Bundle("grants")
    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="curfew-life-"))

    def do(self, work: Coroutine[object, object, T]) -> T | None:
        """Run something people do; a refusal is an answer like any other."""

        async def guarded() -> T | None:
            try:
                return await work
            except RefusalError:
                return None
            finally:
                await at_rest(self.here)

        return self.loop.run_until_complete(guarded())

    @initialize(approvals=st.integers(0, 2), extend=st.integers(0, 1))
    def open(self, approvals: int, extend: int) -> None:
        async def opened() -> Office:
            path = self.folder / "curfew.db"
            shutil.copyfile(self.template, path)
            database = await self.stack.enter_async_context(
                await Database.open(f"sqlite+aiosqlite:///{path}", exclusive=True)
            )
            return await self.stack.enter_async_context(
                office(
                    database,
                    provider=f"pg-{secrets.token_hex(4)}",
                    approvals=approvals,
                    extend=ExtendRule(extend),
                )
            )

        self.here = self.loop.run_until_complete(opened())

    @rule(
        target=grants,
        who=st.sampled_from([DANA, OMAR]),
        minutes=st.integers(1, 60),
        later=st.sampled_from([0, 0, 0, 20]),
    )
    def ask(self, who: str, minutes: int, later: int) -> object:
        starts = self.here.database.clock.now() + later * MINUTE if later else None
        grant = self.do(self.here.ask(who, duration=minutes * MINUTE, starts_at=starts))
        return multiple() if grant is None else grant.id

    @rule(target=grants, minutes=st.integers(5, 60))
    def get(self, minutes: int) -> object:
        """The whole way to access, so that enough of the rest happens to what is active."""
        grant = self.do(self.here.ask(DANA, duration=minutes * MINUTE))
        if grant is None:
            return multiple()
        for who in (MAYA, OMAR):
            self.do(self.here.engine.service.vote(who, grant.id))
        return grant.id

    @rule(grant=grants, who=WHO, shorter=st.booleans())
    def vote(self, grant: str, who: str, *, shorter: bool) -> None:
        duration = MINUTE if shorter else None
        self.do(self.here.engine.service.vote(who, grant, duration=duration))

    @rule(grant=grants, who=WHO)
    def deny(self, grant: str, who: str) -> None:
        self.do(self.here.engine.service.deny(who, grant))

    @rule(grant=grants, who=WHO, lies=st.booleans())
    def revoke(self, grant: str, who: str, *, lies: bool) -> None:
        if lies:
            self.here.world.fail("revoke", Fault.LIE)
        self.do(self.here.engine.service.revoke(who, grant))

    @rule(grant=consumes(grants), who=WHO)
    def cancel(self, grant: str, who: str) -> None:
        self.do(self.here.engine.service.cancel(who, grant))

    @rule(grant=grants, who=WHO, minutes=st.integers(1, 60))
    def extend(self, grant: str, who: str, minutes: int) -> None:
        asked = self.here.engine.service.extend(who, grant, minutes * MINUTE, reason="more")
        self.do(asked)

    @rule(grant=grants, who=WHO, number=st.integers(1, 2))
    def vote_extension(self, grant: str, who: str, number: int) -> None:
        self.do(self.here.engine.service.vote_extension(who, grant, number))

    @rule(grant=grants, who=WHO)
    def issue(self, grant: str, who: str) -> None:
        self.do(self.here.engine.service.issue(who, grant))

    @rule(minutes=st.sampled_from([1, 5, 20, 61, 300]))
    def pass_time(self, minutes: int) -> None:
        self.here.pass_time(minutes * MINUTE)
        self.loop.run_until_complete(at_rest(self.here))

    @rule(verb=VERB, fault=FAULT, times=st.integers(1, 3))
    def trouble(self, verb: str, fault: Fault, times: int) -> None:
        self.here.world.fail(verb, fault, times=times)  # type: ignore[arg-type] # one of VERB

    @rule()
    def sweep(self) -> None:
        self.here.world.heal()
        self.do(self.here.engine.sweep())

    @rule()
    def somebody_removes_it(self) -> None:
        """At the provider, behind our back."""
        self.here.world.access.clear()

    @invariant()
    def log_and_rows_agree(self) -> None:
        self.loop.run_until_complete(self.here.check())

    @invariant()
    def access_has_a_grant(self) -> None:
        """I2: whatever is at the provider belongs to a grant that is on its way in or out."""
        for mark in list(self.here.world.access):
            grant = self.loop.run_until_complete(
                self.here.engine.reading.grant(mark.removeprefix("curfew-"))
            )
            if mark not in self.here.world.access:
                continue  # it went while we looked
            assert grant is not None
            assert grant.state in AT_PROVIDER
            assert grant.votes or grant.terms.approvals == 0

    def teardown(self) -> None:
        """Healed and given time, everything ends and nothing is left at the provider."""

        async def finish() -> None:
            self.here.world.heal()
            for _ in range(6):
                self.here.pass_time(timedelta(hours=5))
                await at_rest(self.here)
            live = await self.here.database.read(
                lambda conn: store.list_grants(conn, states=LIVE, limit=10)
            )
            assert live == []
            assert self.here.world.access == {}

        if hasattr(self, "here"):
            self.loop.run_until_complete(finish())
        self.loop.run_until_complete(self.stack.aclose())
        self.loop.close()
        shutil.rmtree(self.folder)


@pytest.mark.timeout(300)
def test_the_invariants_hold_whatever_happens(sqlite_template: Path) -> None:
    """Requests, votes, clicks, time and faults in any order leave nothing behind."""
    Life.template = sqlite_template
    run_state_machine_as_test(  # type: ignore[no-untyped-call] # Hypothesis leaves it untyped
        Life,
        settings=settings(
            max_examples=30,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
