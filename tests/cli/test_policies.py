"""The policy in force while the database comes and goes, and while files are half written."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from adapters.base import Adapter
from bot.app.policies import PolicyError, PolicyKeeper, Source
from bot.domain.policy import Policy
from bot.domain.record import EventKind
from bot.storage.database import Database
from bot.storage.errors import AwayError

TEXT = """\
version: 1
channels: {approvals: C0APPROVE, audit: C0AUDIT}
admins: [U0OPS]
providers:
  play: {adapter: demo}
resources:
  lab: {provider: play, grant: {level: read}, requesters: [U0DANA], approvers: [U0MAYA]}
"""


class Engine:
    """What a change of policy is told to; its database can be away for a number of times."""

    def __init__(self) -> None:
        self.away = 0
        self.used: list[str] = []
        self.noted: list[tuple[EventKind, Mapping[str, object]]] = []

    async def note(self, kind: EventKind, **data: object) -> None:
        self._answer()
        self.noted.append((kind, data))

    async def use(self, policy: Policy, adapters: Mapping[str, Adapter]) -> None:
        self._answer()
        assert set(adapters) == set(policy.providers)
        self.used.append(policy.digest)

    def _answer(self) -> None:
        if self.away:
            self.away -= 1
            raise AwayError("The database is away.")

    @property
    def kinds(self) -> list[EventKind]:
        return [kind for kind, _ in self.noted]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "policy.yml"
    write(file, TEXT)
    return file


@pytest.fixture
async def keeper(path: Path) -> PolicyKeeper:
    made = PolicyKeeper(Source(path, dict))
    made.open()
    return made


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    async with await Database.open(sqlite_url) as opened:
        yield opened


def write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


async def test_no_news(keeper: PolicyKeeper, database: Database) -> None:
    """A file that was touched and says the same changes nothing and tells nobody."""
    engine = Engine()
    before = keeper.shelf.adapters["play"]
    assert await keeper.reload(engine, database)
    assert (engine.noted, engine.used) == ([], [])
    assert keeper.shelf.adapters["play"] is before


async def test_new_rule_keeps_the_adapter(
    keeper: PolicyKeeper, database: Database, path: Path
) -> None:
    """A rule that changed comes into force; a provider that did not keeps its connections."""
    engine = Engine()
    before = keeper.shelf.adapters["play"]
    write(path, TEXT.replace("U0MAYA", "U0OMAR"))
    assert await keeper.reload(engine, database)
    assert engine.kinds == [EventKind.POLICY_LOADED]
    assert engine.used == [keeper.current.digest]
    assert keeper.shelf.adapters["play"] is before


async def test_rejected_is_told_once(keeper: PolicyKeeper, database: Database, path: Path) -> None:
    """The same problem is told once, another one again, and that it is mended too."""
    engine = Engine()
    old = keeper.current
    write(path, TEXT.replace("level: read", "level: [read"))
    assert not await keeper.reload(engine, database)
    assert not await keeper.reload(engine, database)
    assert engine.kinds == [EventKind.POLICY_REJECTED]
    assert keeper.current is old
    assert keeper.rejected
    assert "policy.yml:" in keeper.rejected
    write(path, TEXT.replace("version: 1", "version: 2"))
    assert not await keeper.reload(engine, database)
    write(path, TEXT)
    assert await keeper.reload(engine, database)
    assert engine.kinds == [
        EventKind.POLICY_REJECTED,
        EventKind.POLICY_REJECTED,
        EventKind.POLICY_LOADED,
    ]
    assert keeper.rejected is None


@pytest.mark.parametrize("away", [1, 2])
async def test_database_away_while_reloading(
    keeper: PolicyKeeper, database: Database, path: Path, away: int
) -> None:
    """When the database was away in the middle, the next look does all of it, and tells it once."""
    engine = Engine()
    engine.away = away
    write(path, TEXT.replace("U0MAYA", "U0OMAR"))
    for _ in range(away):
        with pytest.raises(AwayError):
            await keeper.reload(engine, database)
    assert await keeper.reload(engine, database)
    assert engine.kinds == [EventKind.POLICY_LOADED]
    assert engine.used[-1] == keeper.current.digest


async def test_following_outlives_the_database(
    keeper: PolicyKeeper, database: Database, path: Path
) -> None:
    """Following goes on when the database is away, and looks again by itself."""
    engine = Engine()
    engine.away = 1
    nudged, done = asyncio.Event(), asyncio.Event()

    async def accepted() -> None:
        done.set()

    write(path, TEXT.replace("U0MAYA", "U0OMAR"))
    following = asyncio.create_task(keeper.follow(engine, database, nudged, accepted=accepted))
    nudged.set()
    async with asyncio.timeout(10):
        await done.wait()
    following.cancel()
    assert engine.kinds == [EventKind.POLICY_LOADED]


def test_no_policy_at_the_start(path: Path) -> None:
    """A file with problems is no policy; all of them are carried."""
    write(path, TEXT.replace("C0AUDIT", "audit").replace("version: 1", "version: 3"))
    with pytest.raises(PolicyError) as raised:
        PolicyKeeper(Source(path, dict)).open()
    assert len(raised.value.problems) == 2
    assert "2 problems" in raised.value.message
