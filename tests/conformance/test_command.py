"""The command adapter keeps every promise of the contract, with the program of its page."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr, ValidationError

from adapters._json_adapter import JsonParams
from adapters.base import Credential, Order, PendingError, RefusedError, UnreachableError
from adapters.command import CommandAdapter, CommandSettings
from adapters.conformance import CannotStageError, Conformance, Ground, Weather

PAGE = Path(__file__).parents[2] / "docs" / "adapters" / "command.md"
TOKEN = "a-token-that-nobody-may-read"

WEATHERS = {
    Weather.SILENT: "sleep 60",
    Weather.CROWDED: """echo '{"error": "Too many.", "retry_after": 1}'; exit 75""",
    Weather.LOCKED: f"echo 'token {TOKEN} is not accepted' >&2; exit 77",
    Weather.FORBIDDEN: "echo 'you may not' >&2; exit 77",
}


def block_of(language: str) -> str:
    return PAGE.read_text().partition(f"```{language}\n")[2].partition("```")[0]


class FolderGround(Ground):
    """The program of the page over a folder, behind a script that can make bad weather."""

    def __init__(self, folder: Path) -> None:
        self.store = folder / "store"
        self.store.mkdir(parents=True)
        (folder / "vpn_access.py").write_text(block_of("python"))
        self.script = folder / "vpn-access"
        self._works = f'exec {sys.executable} -ISE {folder}/vpn_access.py {self.store} "$1"'
        self.say(self._works)

    def say(self, line: str) -> None:
        """The program is exchanged as a whole, as a careful operator does it."""
        fresh = self.script.with_suffix(".new")
        fresh.write_text(f"#!/bin/sh\n{line}\n")
        fresh.chmod(0o755)
        fresh.rename(self.script)

    def connect(self, call_limit: float = 10.0) -> CommandAdapter:
        settings = CommandSettings(
            program=self.script,
            environment={"VPN_TOKEN": SecretStr(TOKEN)},
            can=frozenset({"per_grant", "lists_owned"}),
        )
        return CommandAdapter("vpn", settings, call_limit=call_limit)

    def block(self, number: int = 0) -> Mapping[str, object]:
        return {"access": {"level": ("read", "write")[number]}}

    async def inventory(self) -> frozenset[str]:
        return frozenset(f"{one.name} {one.read_text()}" for one in self.store.iterdir())

    async def admits(self, order: Order, credential: Credential | None) -> bool:
        assert credential is None
        place = self.store / order.mark
        return place.exists() and json.loads(place.read_text()) == order.params["access"]

    async def hold(self, order: Order) -> None:
        (self.store / "by-hand").write_text(json.dumps(order.params["access"]))

    async def release(self, order: Order) -> None:
        assert order.params
        (self.store / "by-hand").unlink()

    async def take_away(self, order: Order) -> None:
        (self.store / order.mark).unlink()

    def secrets(self) -> tuple[str, ...]:
        return (TOKEN,)

    @asynccontextmanager
    async def weather(self, kind: Weather) -> AsyncIterator[None]:
        if kind is Weather.DOWN:
            raise CannotStageError("a program is there or not; a missing one is for a human")
        line = WEATHERS[kind]
        if kind is Weather.FORBIDDEN:
            line = f"case $1 in grant|revoke) {line};; esac\n{self._works}"
        self.say(line)
        yield
        self.say(self._works)


class TestCommand(Conformance):
    @pytest.fixture
    def ground(self, tmp_path: Path) -> FolderGround:
        return FolderGround(tmp_path)


@pytest.fixture
async def ground(tmp_path: Path) -> FolderGround:
    return FolderGround(tmp_path)


@pytest.mark.parametrize(
    ("line", "expected", "said"),
    [
        ("exit 1", RefusedError, "ended with code 1"),
        ("echo line one >&2; echo line two >&2; exit 3", RefusedError, "^line two$"),
        ('echo \'{"error": "No such team."}\'; exit 1', RefusedError, "^No such team.$"),
        ("exit 75", UnreachableError, "code 75"),
        ('echo \'{"pending": true, "retry_after": 7}\'; exit 75', PendingError, "code 75"),
        ("kill -9 $$", UnreachableError, "signal 9"),
        ("echo nonsense", UnreachableError, "an answer that is none"),
        ("head -c 200000 /dev/zero", UnreachableError, "an answer that is none"),
        ('exec 0<&-; echo \'{"presence": "maybe"}\'', UnreachableError, "presence"),
    ],
)
async def test_what_an_end_means(
    ground: FolderGround, line: str, expected: type[Exception], said: str
) -> None:
    """The exit code says who must act, the answer or the last complaint says why."""
    ground.say(line)
    with pytest.raises(expected, match=said):
        await ground.connect().verify(ground.order())


async def test_it_sees_nothing_of_the_bot(
    ground: FolderGround, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its environment is the policy's, its only argument the verb, its folder the root."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    seen = tmp_path / "seen"
    ground.say(f"env > {seen}; echo \"$# $*\" >> {seen}; pwd >> {seen}; echo '{{}}'")
    await ground.connect().grant(ground.order())
    lines = set(seen.read_text().splitlines())

    assert {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", f"VPN_TOKEN={TOKEN}"} <= lines
    assert {"1 grant", "/"} <= lines
    assert not [line for line in lines if "xoxb" in line or "SLACK" in line]


async def test_giving_up_ends_everything_that_it_started(
    ground: FolderGround, tmp_path: Path
) -> None:
    """A call over its limit leaves no process behind, not even a child's child."""
    pids = tmp_path / "pids"
    ground.say(f"sleep 600 & echo $! > {pids}; echo $$ >> {pids}; wait")
    with pytest.raises(UnreachableError, match="no answer within"):
        await ground.connect(call_limit=0.5).verify(ground.order())
    await asyncio.sleep(0)

    assert [pid for pid in pids.read_text().split() if _is_alive(pid)] == []


def _is_alive(pid: str) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().split()[2] != "Z"


async def test_the_clean_up_is_a_line_that_works(ground: FolderGround) -> None:
    """What an alarm shows does what revoke does, also for a name that would break out."""
    broken_out = ground.store.parent / "broken-out"
    adapter, order = ground.connect(), await ground.hostile(f"x'; touch {broken_out}; '")
    await adapter.grant(order)
    shell = await asyncio.create_subprocess_exec("/bin/sh", "-c", adapter.cleanup(order))

    assert await shell.wait() == 0
    assert await ground.inventory() == frozenset()
    assert not broken_out.exists()


async def test_a_program_that_cannot_be_used_is_said(ground: FolderGround) -> None:
    """Missing, not executable, or open to others: the probe says what to do."""
    adapter = ground.connect()
    ground.script.chmod(0o777)
    assert "chmod go-w" in (await adapter.probe())[0]
    ground.script.chmod(0o644)
    assert "chmod +x" in (await adapter.probe())[0]
    ground.script.unlink()
    assert "There is no" in (await adapter.probe())[0]
    with pytest.raises(RefusedError, match="does not start"):
        await adapter.verify(ground.order())


def test_the_page_s_policy_is_valid() -> None:
    """What people copy passes the schema; wrong values are said."""
    page = yaml.safe_load(block_of("yaml"))
    given = dict(page["providers"]["vpn"])
    assert given.pop("adapter") == "command"
    assert set(given) == set(CommandSettings.model_fields)
    CommandSettings.model_validate(given)
    JsonParams.model_validate(page["resources"]["vpn-admin"]["grant"])
    for wrong in ({"program": "vpn-access"}, {"environment": {"A-B": "x"}}, {"at_once": 0}):
        with pytest.raises(ValidationError):
            CommandSettings.model_validate({**given, **wrong})
