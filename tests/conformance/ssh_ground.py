"""A real sshd seen by ssh, and the adapter's files seen by themselves."""

import asyncio
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from adapters.base import Credential, Order, Person
from adapters.conformance import CannotStageError, Door, Ground, Weather
from adapters.ssh import SshAdapter, SshSettings
from tests.ssh_host import ALONE, Host, run

ANSWER_WITHIN = 5.0
REVOCATIONS = ("lock", "revoked.json", "revoked.krl")
"""What was revoked stays listed until it would have ended: that is what a list is for."""


class SshDoor(Door):
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def is_open(self) -> bool:
        """Something is sent through the session, and comes back."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(b"here\n")
            await self.process.stdin.drain()
            async with asyncio.timeout(ANSWER_WITHIN):
                return await self.process.stdout.readline() == b"here\n"
        except (ConnectionError, TimeoutError):
            return False

    async def close(self) -> None:
        if self.process.returncode is None:
            self.process.terminate()
        await self.process.communicate()


class SshGround(Ground):
    """Resource 0 is for a person's own name, resource 1 for a shared one with a forced command.

    `form` is `file`, with sessions that are ended and keys that are made; or `agent`, with neither.
    """

    def __init__(self, host: Host, form: str) -> None:
        self.host = host
        self.form = form

    @property
    def is_file(self) -> bool:
        return self.form == "file"

    @property
    def given(self) -> dict[str, object]:
        """The provider's block in a policy."""
        host, state = self.host, str(self.host.state)
        if self.is_file:
            command = [str(host.ender), "{mark}"]
            return {"state": state, "ca_key": str(host.ca), "end_sessions": command}
        public = (host.folder / "ca_rsa.pub").read_text().strip()
        return {"state": state, "ca_agent": str(host.agent), "ca_public": public}

    def connect(self, call_limit: float = 10.0) -> SshAdapter:
        settings = SshSettings.model_validate(self.given)
        return SshAdapter("bastions", settings, call_limit=call_limit)

    def block(self, number: int = 0) -> Mapping[str, object]:
        way = {"host": "127.0.0.1", "port": self.host.port, "user": self.host.user}
        if number == 0:
            return {"principals": ["{name}"], **way}
        return {"principals": ["ops"], "force_command": "printf forced", **way}

    def person(self, name: str = "dana") -> Person:
        return replace(super().person(name), names={"ssh": name})

    def nobody(self) -> Person:
        return replace(super().nobody(), email=None)

    def now(self) -> datetime:
        """Certificates count whole seconds: the next one."""
        return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)

    def answers(self) -> Mapping[str, str]:
        if self.is_file:
            return {}
        return {"public_key": (self.host.home("dana") / ".ssh" / "id_ed25519.pub").read_text()}

    async def inventory(self) -> frozenset[str]:
        host = self.host
        mine = [one for one in host.state.iterdir() if one.name not in REVOCATIONS]
        others = [host.folder / name for name in ("authorized_keys", "principals", "cas.pub")]
        places = [*mine, *others, host.state, host.ca]
        return frozenset(f"{place} {_look(place)}" for place in places)

    async def admits(self, order: Order, credential: Credential | None) -> bool:
        """By ssh, with what was shown pasted into a shell."""
        if credential is None:
            return False
        command = self.host.pasted(credential, self.host.home("dana"))
        code, out, said = await self.host.says(command, "printf curfew")
        assert code == 0 or "Permission denied (publickey)" in said, said
        wanted = "forced" if "force_command" in order.params else "curfew"
        return code == 0 and out == wanted

    async def open_door(self, order: Order, credential: Credential | None) -> Door:
        assert credential is not None, order.mark
        command = self.host.pasted(credential, self.host.home("dana"))
        process = await asyncio.create_subprocess_exec(
            *command,
            "cat",
            env=ALONE,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return SshDoor(process)

    async def hold(self, order: Order) -> None:
        own = self.host.home(order.person.names["ssh"]) / ".ssh" / "id_ed25519.pub"
        (self.host.folder / "authorized_keys").write_text(own.read_text())

    async def release(self, order: Order) -> None:
        del order
        (self.host.folder / "authorized_keys").write_text("")

    async def take_away(self, order: Order) -> None:
        """Somebody puts the grant on the list by hand."""
        line = f"id: {order.mark}\n"
        run("ssh-keygen", "-q", "-k", "-u", "-s", "none", "-f", self.host.krl, "-", text=line)

    async def disguise(self) -> None:
        for name in (
            "curfew-abcdefgh012",
            "xcurfew-abcdefgh0123",
            "curfew-ABCDEFGH0123",
            "curfew-",
        ):
            (self.host.state / name).write_text("somebody else's")
        (self.host.state / "curfew-0123456789zz").mkdir()

    async def hostile(self, text: str) -> Order:
        """Of the shared resource: a name like that is never one of its principals."""
        order = await super().hostile(text)
        return replace(
            order,
            params=self.block(1),
            person=replace(order.person, names={"ssh": text, "bastions": text}),
        )

    def secrets(self) -> tuple[str, ...]:
        return tuple(self.host.ca.read_text().splitlines()[1:-1])

    @asynccontextmanager
    async def weather(self, kind: Weather) -> AsyncIterator[None]:
        if kind is Weather.FORBIDDEN and not self.host.can_be_read_only:
            raise CannotStageError("no file system can be mounted here that could be read-only")
        made: dict[Weather, AbstractContextManager[None]] = {
            Weather.DOWN: self.host.away(),
            Weather.SILENT: self.host.held(),
            Weather.FORBIDDEN: self.host.read_only(),
        }
        if kind not in made:
            raise CannotStageError(
                "a full disk hinders no look, a locked key nothing but signing: see the tests alone"
            )
        with made[kind]:
            yield


def _look(place: Path) -> str:
    mode = stat.filemode(place.stat().st_mode)
    return f"{mode} {place.read_text()}" if place.is_file() else mode
