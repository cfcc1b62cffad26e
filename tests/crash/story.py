"""The story that is played with a bot that dies, and what has to hold when it has come to rest.

People look at what there is and act on it; what they did is repeated only when it came to nothing.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import psycopg
from sqlalchemy import Connection, text

from bot.domain.grant import OPERATIONAL, EndReason, Grant, State
from bot.domain.record import ANNOUNCED, EventKind, SealedEvent
from bot.domain.replay import replay
from bot.engine.verifying import prove
from bot.storage import store
from sandbox.player import buttons_of, text_of
from sandbox.records import Message
from sandbox.seed import APPROVALS, AUDIT, DANA
from tests.crash.stage import Stage

GRANTING_WITHIN = 75.0
"""Seconds in which granting is over: an adapter has a minute, unless it asks for more."""
ENOUGH = 10
"""So many requests in one story are no bad luck any more."""

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
DSN = re.compile(r"postgresql://\S+")
LINE = re.compile(r"#(\d+) ([0-9a-f]{12})$")


@dataclass(slots=True)
class Story:
    """One person's access, from the asking to the end, on a stage."""

    here: Stage
    may_fail: bool = False
    """Who dies again and again, or has a provider in trouble, may be too late: people ask again."""
    lives: int = 0
    logins: list["psycopg.AsyncConnection[tuple[object, ...]]"] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    """Passwords that were shown."""

    async def revoked(self) -> None:
        """Asked, approved, used, extended, and ended by a press of Revoke now."""
        grant = await self.used("fix the stuck order")
        await self.here.insist(
            partial(self.here.dana.command, "/access extend prod-db 15m not done yet"),
            partial(self._grant, grant.id, lambda now: now.extensions == 1),
        )
        await self.here.insist(
            partial(self._press, grant, "extension_approve:1", APPROVALS),
            partial(self._grant, grant.id, lambda now: _later(now, grant)),
        )
        await self.here.insist(
            partial(self._press, grant, "Revoke now"),
            partial(self._grant, grant.id, lambda now: now.state is not State.ACTIVE),
        )
        await self._ended(grant)

    async def expired(self) -> None:
        """Asked, approved, used, and ended by the clock."""
        grant = await self.used("look at yesterday's orders")
        self.here.pass_time(31 * MINUTE)
        await self._ended(grant)

    async def used(self, reason: str) -> Grant:
        """Asked and approved, and somebody is logged in with it."""
        while (grant := await self._given(f"{reason} {self.lives}")).state is not State.ACTIVE:
            assert self.may_fail, grant
            assert grant.end_reason is EndReason.FAILED, grant
            assert self.lives < ENOUGH, self.here.account()
        before = len(self.logins)
        await self.here.insist(
            partial(self._log_in, grant),
            partial(self._grant, grant.id, lambda _: len(self.logins) > before),
        )
        return grant

    async def _given(self, reason: str) -> Grant:
        """Asked and approved; active, or failed and ended."""
        self.lives += 1
        asked = await self.here.insist(
            partial(self.here.dana.command, f"/access prod-db 30m {reason}"),
            partial(self._live, reason),
        )
        await self.here.insist(
            partial(self._press, asked, "Approve", APPROVALS),
            partial(self._grant, asked.id, lambda now: now.state is not State.PENDING),
        )
        # No time is made to pass: what is not there a minute after the approval has failed.
        decided = partial(self._grant, asked.id, lambda now: now.state is not State.GRANTING)
        grant = await self.here.until(decided, f"access by {asked.id}", within=GRANTING_WITHIN)
        return grant if grant.state is State.ACTIVE else await self._ended(grant)

    # --- looking ------------------------------------------------------------------------------

    async def _live(self, reason: str) -> Grant | None:
        grants = await self.here.database.read(partial(store.list_grants, limit=10))
        return next((one for one in grants if one.reason == reason), None)

    async def _grant(self, grant_id: str, holds: Callable[[Grant], bool]) -> Grant | None:
        grant = await self.here.database.read(partial(store.get_grant, grant_id=grant_id))
        return grant if grant is not None and holds(grant) else None

    async def _ended(self, grant: Grant) -> Grant:
        found = partial(self._grant, grant.id, lambda now: now.state is State.ENDED)
        return await self.here.until(found, f"the end of {grant.id}", meanwhile=10 * SECOND)

    # --- acting -------------------------------------------------------------------------------

    async def _press(self, grant: Grant, button: str, channel: str | None = None) -> None:
        """As soon as it is offered. In one's own conversation unless a channel is named."""
        player = self.here.dana if channel is None else self.here.maya

        def offered() -> list[dict[str, object]]:
            return [one for one in player.sees(channel) if _offers(one, button, grant)]

        await self.here.sandbox.until(offered, within=3.0)
        await player.click(button, message=offered()[-1])

    async def _log_in(self, grant: Grant) -> None:
        """Get credentials, and use them; a form left over from a bot that died is closed first."""
        dana = self.here.dana
        while dana.modal is not None:
            await dana.close()
        await self._press(grant, "Get credentials")
        form = await dana.waits_for_modal("Shown once", within=3.0)
        found = DSN.search(text_of(form))
        assert found is not None, text_of(form)
        login = await psycopg.AsyncConnection.connect(found[0], autocommit=True)
        self.logins.append(login)
        self.words.append(login.info.password)

    # --- at rest ------------------------------------------------------------------------------

    async def check(self) -> None:
        """Everything that has to hold when nothing is left to do."""
        log, grants = await self.here.until(self._at_rest, "rest", meanwhile=10 * SECOND)
        await self._gone_at_the_provider(grants)
        proof = await prove(self.here.database)
        assert proof.fault is None, proof.fault
        for grant in grants:
            _check_rows(grant, [line for line in log if line.grant_id == grant.id])
        self._check_messages(log)

    async def _at_rest(self) -> tuple[list[SealedEvent], list[Grant]] | None:
        """All that there is, of one moment in which nothing is left to do or to tell."""
        return await self.here.database.read(_everything_at_rest)

    async def _gone_at_the_provider(self, grants: list[Grant]) -> None:
        for login in self.logins:
            try:
                await login.execute("SELECT 1")
            except psycopg.OperationalError:
                await login.close()
            else:
                raise AssertionError("a session outlived its access")
        async with await psycopg.AsyncConnection.connect(self.here.shop.admin_dsn) as admin:
            roles = await admin.execute("SELECT rolname FROM pg_roles WHERE rolname ~ '^curfew_'")
            there = {row[0] for row in await roles.fetchall()}
        left = there & {f"curfew_{grant.id}" for grant in grants}
        assert not left, left

    def _check_messages(self, log: list[SealedEvent]) -> None:
        """One line for each event that wants one, one card for each grant, nothing said twice."""
        timeline, channels = self.here.sandbox.workspace.timeline, self.here.sandbox.workspace
        said = [one for name in channels.channels for one in timeline.all(name) if one.metadata]
        lines = [_seal(one) for one in said if one.channel == AUDIT]
        # A bot at rest still signs checkpoints: those of after that moment are not in the log.
        told = Counter(line for line in lines if line[0] <= log[-1].seq)
        wanted = Counter(
            (line.seq, line.hash[:12]) for line in log if EventKind(line.kind) in ANNOUNCED
        )
        assert told == wanted, f"doubled {told - wanted}, missing {wanted - told}"
        labels = Counter(map(_label, said))
        del labels[self._first_words(said)]
        twice = [label for label, n in labels.items() if n > 1]
        shown = [(one.ts, one.text[:80]) for one in said if _label(one) in twice]
        assert not twice, f"{twice} {shown}\n{self.here.account()}"
        everything = "\n".join(text_of(one.wire()) for one in said)
        assert not [word for word in self.words if word in everything]

    def _first_words(self, said: list[Message]) -> tuple[object, ...]:
        """The first direct message ever to a person may double: docs/reliability.md says why."""
        own = self.here.sandbox.workspace.dm_with(DANA).id
        return next(_label(one) for one in said if one.channel == own)


def _later(now: Grant, before: Grant) -> bool:
    assert now.expires_at is not None
    assert before.expires_at is not None
    return now.expires_at == before.expires_at + 15 * MINUTE


def _offers(message: dict[str, object], button: str, grant: Grant) -> bool:
    shown = str(message.get("blocks"))
    return grant.id in shown and (button in buttons_of(message) or f"'{button}'" in shown)


def _seal(line: Message) -> tuple[int, str]:
    found = LINE.search(line.text.strip())
    assert found is not None, line.text
    return int(found[1]), found[2]


def _label(message: Message) -> tuple[object, ...]:
    """What makes two messages the same: the grant for a card, the notice for all others."""
    assert message.metadata is not None
    payload = message.metadata["event_payload"]
    role = payload["role"]
    is_card = role == "card" or str(role).startswith("extension:")
    return (role, payload["grant"]) if is_card else (role, payload["notice_id"])


def _check_rows(grant: Grant, log: list[SealedEvent]) -> None:
    """The log played again gives the row; it began and ended once."""
    again = replay(log)
    for name in grant.__struct_fields__:
        if name not in OPERATIONAL:
            assert getattr(again, name) == getattr(grant, name), name
    kinds = Counter(line.kind.value for line in log)
    assert grant.state is State.ENDED
    assert grant.lease_token is None
    began = grant.end_reason is not EndReason.FAILED
    assert (kinds["grant.started"], kinds["grant.ended"]) == (began, 1), kinds
    assert kinds["grant.requested"] == kinds["grant.approved"] == 1, kinds


def _everything_at_rest(conn: Connection) -> tuple[list[SealedEvent], list[Grant]] | None:
    """None while there is a lease, something due, or somebody to be told."""
    waiting, _ = store.notice_backlog(conn)
    live = "SELECT count(*) FROM grants WHERE lease_token IS NOT NULL OR next_at IS NOT NULL"
    if waiting or conn.execute(text(live)).scalar_one():
        return None
    return store.events_page(conn, 0, 10_000), store.list_grants(conn, limit=100)
