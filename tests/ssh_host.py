"""A real sshd of Debian's, in a folder of its own, and the real ssh as who tries to get in."""

import asyncio
import fcntl
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.base import Credential

PAGE = Path(__file__).parents[1] / "docs" / "adapters" / "ssh.md"
PROGRAMS = ("sshd", "ssh", "ssh-keygen", "ssh-agent", "ssh-add", "ss")
WHERE = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
REST = 30.0
ROOM = "256k"
"""Of the small file system that stands for the share with the state, where one can be mounted."""

CONFIG = """
Port {port}
ListenAddress 127.0.0.1
ListenAddress ::1
HostKey {folder}/host_key
PidFile none
TrustedUserCAKeys {folder}/cas.pub
RevokedKeys {folder}/state/revoked.krl
AuthorizedPrincipalsFile {folder}/principals
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 200
"""


def program(name: str) -> str:
    """Its path. One that is missing is a failure in CI and a skip elsewhere."""
    found = shutil.which(name, path=WHERE)
    if found is None:
        said = f"no {name} here: apt-get install openssh-server iproute2"
        if os.environ.get("CI"):
            pytest.fail(said)
        pytest.skip(said)
    return found


def run(*command: str | Path, text: str = "", env: dict[str, str] | None = None) -> str:
    done = subprocess.run(  # noqa: S603 - OpenSSH's own programs
        [program(str(command[0])), *map(str, command[1:])],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(env or {})},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def make_key(place: Path, kind: str = "ed25519") -> Path:
    """A key pair without a passphrase; its public half stands beside it as `.pub`."""
    run("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", place.name, "-f", place)
    return place


def certificate_of(credential: Credential) -> str:
    """The certificate that is shown, as ssh-keygen reads it."""
    line = next(one for one in credential.snippets[0].text.splitlines() if "-cert-v01@" in one)
    return run("ssh-keygen", "-L", "-f", "-", text=line.split("'")[3])


@dataclass(slots=True)
class Host:
    """The folder of an sshd that runs. Everybody logs in as `user`; principals tell them apart."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes]"
    mounted: bool

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def krl(self) -> Path:
        return self.state / "revoked.krl"

    @property
    def user(self) -> str:
        return pwd.getpwuid(os.geteuid()).pw_name

    @property
    def ca(self) -> Path:
        return self.folder / "ca"

    @property
    def agent(self) -> Path:
        """The socket of an agent that has `ca_rsa`."""
        return self.folder / "agent.sock"

    @property
    def ender(self) -> Path:
        """The page's own program that ends sessions; only where its log stands is changed."""
        return self.folder / "curfew-end-sessions"

    def wipe(self) -> None:
        """The state as it is after setting up."""
        for one in self.state.iterdir():
            shutil.rmtree(one) if one.is_dir() else one.unlink()
        (self.state / "lock").touch()
        run("ssh-keygen", "-q", "-k", "-f", self.krl)
        (self.folder / "authorized_keys").write_text("")

    def home(self, name: str) -> Path:
        """Where a person keeps keys; with a pair of their own in it."""
        place = self.folder / "homes" / name
        if not place.exists():
            (place / ".ssh").mkdir(parents=True, mode=0o700)
            make_key(place / ".ssh" / "id_ed25519")
        return place

    def pasted(self, credential: Credential, home: Path) -> list[str]:
        """Pastes the first thing that is shown into a shell; the second one, as it then runs."""
        keep, line = credential.snippets
        env = {"HOME": str(home), "PATH": os.environ["PATH"]}
        subprocess.run(["/bin/sh", "-c", keep.text], check=True, env=env)  # noqa: S603 - that is it
        words = line.text.replace("~", str(home)).split()
        assert words[0] == "ssh"
        options = {
            "BatchMode": "yes",
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": self.folder / "known_hosts",
            "IdentityFile": home / ".ssh" / "id_ed25519",
        }
        given = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        return [program("ssh"), "-F", "none", *given, *words[1:]]

    async def says(self, command: Sequence[str], remote: str) -> tuple[int, str, str]:
        """What the host answers to a command: code, output, and what ssh says."""
        process = await asyncio.create_subprocess_exec(
            *command,
            remote,
            env=ALONE,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, said = await process.communicate()
        return process.returncode or 0, out.decode(), said.decode()

    # --- bad times ----------------------------------------------------------------------------

    @contextmanager
    def away(self) -> Iterator[None]:
        """The share is not mounted: the empty directory is left."""
        elsewhere = self.folder / "elsewhere"
        if self.mounted:
            elsewhere.mkdir()
            run("mount", "--move", self.state, elsewhere)
        else:
            self.state.rename(elsewhere)
            self.state.mkdir()
        try:
            yield
        finally:
            if self.mounted:
                run("mount", "--move", elsewhere, self.state)
                elsewhere.rmdir()
            else:
                self.state.rmdir()
                elsewhere.rename(self.state)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Another replica froze while it had the lock."""
        with (self.state / "lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def full(self) -> Iterator[None]:
        """No block is left."""
        filler = self.state / ".filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        try:
            yield
        finally:
            filler.unlink()

    @property
    def can_be_read_only(self) -> bool:
        return self.mounted or os.geteuid() != 0  # root may write everywhere

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """It can be looked at, and nothing in it changed."""
        if self.mounted:
            run("mount", "-o", "remount,ro", self.state)
        else:
            self.state.chmod(0o500)
        try:
            yield
        finally:
            if self.mounted:
                run("mount", "-o", "remount,rw", self.state)
            else:
                self.state.chmod(0o700)


ALONE = {key: value for key, value in os.environ.items() if not key.startswith("SSH_")}
"""Nobody's agent helps."""


@contextmanager
def host() -> Iterator[Host]:
    """An sshd with two CAs that it trusts, `ca` in a file and `ca_rsa` in an agent."""
    for name in PROGRAMS:
        program(name)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd's own, made by its service else
    folder = Path(tempfile.mkdtemp(prefix="curfew-ssh-"))
    (folder / "state").mkdir(mode=0o700)
    mounted = _mount(folder / "state")
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for name, kind in {"ca": "ed25519", "ca_rsa": "rsa", "host_key": "ed25519"}.items():
            make_key(folder / name, kind)
        cas = [(folder / f"{name}.pub").read_text() for name in ("ca", "ca_rsa")]
        (folder / "cas.pub").write_text("".join(cas))
        (folder / "principals").write_text("dana\neli\nops\n")
        _write_ender(folder)
        processes.append(_agent(folder))
        port = _free_port()
        processes.append(_sshd(folder, port))
        made = Host(folder, port, processes[-1], mounted)
        made.wipe()
        yield made
    finally:
        for process in processes:
            process.terminate()
            process.wait()
        if mounted:
            run("umount", "-l", folder / "state")
        shutil.rmtree(folder)


def _mount(place: Path) -> bool:
    """A small file system of its own, where this may be made: it can be full, or read-only."""
    done = subprocess.run(  # noqa: S603 - a constant
        ["/bin/mount", "-t", "tmpfs", "-o", f"size={ROOM},mode=700", "curfew-state", str(place)],
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _sshd(folder: Path, port: int) -> "subprocess.Popen[bytes]":
    (folder / "sshd_config").write_text(CONFIG.format(port=port, folder=folder))
    command = [program("sshd"), "-D", "-f", folder / "sshd_config", "-E", folder / "log"]
    process = subprocess.Popen(command)  # noqa: S603 - Debian's sshd
    deadline = time.monotonic() + REST
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as line:
            if line.recv(4) == b"SSH-":
                break
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline, "sshd does not answer"
        time.sleep(0.02)
    public = (folder / "host_key.pub").read_text()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}[::1]:{port} {public}")
    return process


def _agent(folder: Path) -> "subprocess.Popen[bytes]":
    place = folder / "agent.sock"
    process = subprocess.Popen(  # noqa: S603 - OpenSSH's agent
        [program("ssh-agent"), "-D", "-a", place], stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + REST
    while not place.exists():
        assert time.monotonic() < deadline, "ssh-agent does not come"
        time.sleep(0.02)
    subprocess.run(  # noqa: S603 - OpenSSH's own
        [program("ssh-add"), "-q", folder / "ca_rsa"],
        env={**os.environ, "SSH_AUTH_SOCK": str(place)},
        check=True,
    )
    return process


def _write_ender(folder: Path) -> None:
    [script] = re.findall(r"^```sh\n(#!.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    here, count = re.subn(
        r"^log\(\) .*$", f"log() {{ cat {folder}/log; }}", script, flags=re.MULTILINE
    )
    assert count == 1
    place = folder / "curfew-end-sessions"
    place.write_text(here)
    place.chmod(0o755)
