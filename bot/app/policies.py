"""The policy in force: read at the start, and again on SIGHUP and when its file changes.

Rules kept here: a file with an error keeps the former policy, and the audit log, `/readyz` and the
figures say so; a provider that a live grant needs is never dropped; a policy comes into force as a
whole, adapters included.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import structlog
from sqlalchemy import Connection

from adapters import registry
from adapters.base import Adapter
from bot.app.shelf import EMPTY, Shelf
from bot.config import policy_file
from bot.config.errors import ConfigurationError
from bot.config.problems import Problem
from bot.domain.errors import ProgramError
from bot.domain.grant import LIVE
from bot.domain.policy import Policy
from bot.domain.record import EventKind
from bot.storage import store
from bot.storage.database import Database
from bot.storage.errors import StorageError

log = structlog.get_logger("curfew.policy")

WATCH_EVERY: Final = 2.0
"""Seconds between looks at the file; no more than a stat."""

REST: Final = 0.2

NAMED: Final = 5
"""Grants that a refused reload names."""


class PolicyError(ConfigurationError):
    """The file is no policy. `problems` are all that is wrong in it."""

    def __init__(self, path: Path, problems: tuple[Problem, ...]) -> None:
        """There is at least one problem."""
        first, more = problems[0], len(problems) > 1
        count = f"{len(problems)} problems, the first" if more else "a problem"
        super().__init__(
            f"The policy {path} has {count} in line {first.line}: {first.message}",
            hints=("`curfew check` shows each with its place and a hint.",),
        )
        self.problems = problems


class Engine(Protocol):
    """What a change of policy is told to."""

    async def note(self, kind: EventKind, **data: object) -> None: ...

    async def use(self, policy: Policy, adapters: Mapping[str, Adapter]) -> None: ...


@dataclass(frozen=True, slots=True)
class Source:
    """Where the policy comes from. `environ` is called at each reading, for `${NAME}`."""

    path: Path
    environ: Callable[[], Mapping[str, str]]

    def read(self) -> policy_file.Loaded:
        """Blocks: the file and those that it names are read."""
        return policy_file.load(self.path, kinds=registry.load, environ=self.environ())

    def mark(self) -> tuple[int, ...] | None:
        """Changes when the file does, a swapped symbolic link included."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def read_policy(source: Source) -> Policy:
    """The policy. Raises `PolicyError`; warnings are logged."""
    loaded = source.read()
    if loaded.policy is None:
        raise PolicyError(source.path, loaded.problems)
    for warning in loaded.warnings:
        log.warning("policy", problem=str(warning))
    return loaded.policy


class PolicyKeeper:
    """The engine's policy source. `open` reads the file, `follow` keeps reading it."""

    def __init__(self, source: Source) -> None:
        """Reads nothing yet."""
        self._source = source
        self._policy: Policy | None = None
        self._mark: tuple[int, ...] | None = None
        self._told = ""
        """The digest that the engine and the audit log know of."""
        self._told_rejection: str | None = None
        self.shelf: Shelf = EMPTY
        self.rejected: str | None = None
        """Why the file is not the policy in force; None while it is."""

    @property
    def current(self) -> Policy:
        if self._policy is None:
            raise ProgramError("the policy is asked for before it was read")
        return self._policy

    def open(self) -> None:
        """Read the file. Raises `ConfigurationError`."""
        self._mark = self._source.mark()
        policy = read_policy(self._source)
        self.shelf = EMPTY.restocked(policy)
        self._policy = policy
        self._told = policy.digest

    async def follow(
        self,
        engine: Engine,
        database: Database,
        nudged: asyncio.Event,
        *,
        accepted: Callable[[], Awaitable[object]],
    ) -> None:
        """Reload when the file changed, or at once when `nudged`; until cancelled.

        `accepted` is called when a file was read and is in force.
        """
        while True:
            try:
                async with asyncio.timeout(WATCH_EVERY):
                    await nudged.wait()
            except TimeoutError:
                if self._source.mark() == self._mark or not await self._at_rest():
                    continue
            nudged.clear()
            try:
                if await self.reload(engine, database):
                    await accepted()
            except StorageError as error:
                self._mark = None  # another look, in a moment
                log.warning("policy not reloaded yet", error=error.message)

    async def _at_rest(self) -> bool:
        """False while somebody is still writing the file: half of it is no policy."""
        before = self._source.mark()
        await asyncio.sleep(REST)
        return self._source.mark() == before

    async def reload(self, engine: Engine, database: Database) -> bool:
        """Read the file again; whether it is the policy in force now."""
        self._mark = self._source.mark()
        loaded = await asyncio.to_thread(self._source.read)
        if loaded.policy is None:
            await self._reject(engine, str(loaded.problems[0]), len(loaded.problems))
            return False
        reason = await database.read(partial(self._needed, policy=loaded.policy))
        if reason is not None:
            await self._reject(engine, reason, 1)
            return False
        try:
            shelf = self.shelf.restocked(loaded.policy)
        except ConfigurationError as error:
            await self._reject(engine, error.message, 1)
            return False
        await self._accept(engine, loaded.policy, shelf)
        return True

    def _needed(self, conn: Connection, policy: Policy) -> str | None:
        """Why this policy cannot be: it lost a provider that somebody's access hangs on."""
        lost = {name for name in store.live_providers(conn) if self._loses(policy, name)}
        if not lost:
            return None
        needy = [
            f"{grant.id} ({grant.resource})"
            for grant in store.list_grants(conn, states=LIVE, limit=500)
            if grant.order.provider in lost
        ]
        shown = ", ".join(needy[:NAMED]) + (" and more" if len(needy) > NAMED else "")
        names = ", ".join(sorted(lost))
        return f"It drops or remakes the provider {names}, which live grants need: {shown}."

    def _loses(self, policy: Policy, name: str) -> bool:
        """Another kind of adapter under the same name could not take back what this one gave."""
        new, old = policy.providers.get(name), self.current.providers.get(name)
        return new is None or (old is not None and new.adapter != old.adapter)

    async def _accept(self, engine: Engine, policy: Policy, shelf: Shelf) -> None:
        unchanged = policy.digest == self._told and shelf.adapters == self.shelf.adapters
        was_rejected = self.rejected is not None
        self._policy, self.shelf, self.rejected = policy, shelf, None
        self._told_rejection = None
        if unchanged and not was_rejected:
            return
        self._told = ""
        await engine.use(policy, shelf.adapters)
        await engine.note(EventKind.POLICY_LOADED, **told(policy))
        self._told = policy.digest
        log.info("policy loaded", digest=policy.digest[:12])

    async def _reject(self, engine: Engine, reason: str, count: int) -> None:
        self.rejected = reason
        log.error("policy rejected", reason=reason, problems=count)
        # Told once for each reason: a file that stays bad is no news at the next look.
        if reason != self._told_rejection:
            await engine.note(EventKind.POLICY_REJECTED, reason=reason, problems=count)
            self._told_rejection = reason


def told(policy: Policy) -> dict[str, object]:
    """What the audit log says of a policy."""
    return {
        "digest": policy.digest,
        "resources": len(policy.resources),
        "providers": len(policy.providers),
    }
