"""What only ssh has: kinds of keys, what a certificate allows, the list, the books, the agent."""

import asyncio
import errno
import json
import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters import _ssh_krl as krl
from adapters._ssh_rights import translated
from adapters.base import Credential, Order, Presence, RefusedError, UnreachableError
from adapters.conformance import Weather
from adapters.conformance.others import HOSTILE
from adapters.ssh import SshAdapter, SshSettings
from tests.conformance.ssh_ground import SshGround
from tests.ssh_host import Host, certificate_of, make_key, run

KINDS = ("ed25519", "ecdsa", "rsa")
HOUR = timedelta(hours=1)
HAS_IPV6 = Path("/proc/net/if_inet6").exists()


@pytest.fixture
def ground(ssh_host: Host) -> SshGround:
    ssh_host.wipe()
    return SshGround(ssh_host, "file")


@pytest.fixture
async def adapter(ground: SshGround) -> AsyncIterator[SshAdapter]:
    made = ground.connect()
    yield made
    await made.aclose()


def other(ground: SshGround, **settings: object) -> SshAdapter:
    """Another one of the same provider, with other settings."""
    host = ground.host
    given = {"state": host.state, "ca_key": host.ca, **settings}
    kept = {key: value for key, value in given.items() if value is not None}
    return SshAdapter("bastions", SshSettings.model_validate(kept))


async def given(adapter: SshAdapter, order: Order) -> Credential:
    await adapter.grant(order)
    return await adapter.issue(order)


# --- keys and CAs ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def more_cas(ssh_host: Host) -> Iterator[Path]:
    """An ECDSA CA, trusted as well, in a file and in the agent."""
    place = make_key(ssh_host.folder / "ca_ecdsa", "ecdsa")
    trusted = ssh_host.folder / "cas.pub"
    before = trusted.read_text()
    trusted.write_text(before + place.with_suffix(".pub").read_text())
    env = {"SSH_AUTH_SOCK": str(ssh_host.agent)}
    for key in (place, ssh_host.ca):
        run("ssh-add", "-q", key, env=env)
    yield place
    for key in (place, ssh_host.ca):
        run("ssh-add", "-q", "-d", key, env=env)
    trusted.write_text(before)


@pytest.mark.parametrize("ca", KINDS)
@pytest.mark.parametrize("where", ["file", "agent"])
async def test_every_kind_of_key(ground: SshGround, more_cas: Path, where: str, ca: str) -> None:
    """Keys of each kind, certified by CAs of each kind in a file and in an agent, are let in."""
    host = ground.host
    place = {"ed25519": host.ca, "ecdsa": more_cas, "rsa": host.folder / "ca_rsa"}[ca]
    public = place.with_name(f"{place.name}.pub").read_text()
    agent = {"ca_key": None, "ca_agent": host.agent, "ca_public": public}
    adapter = other(ground, **({"ca_key": place} if where == "file" else agent))
    assert await adapter.probe([ground.block()]) == []
    for kind in KINDS:
        home = host.home(f"dana-{kind}")
        own = home / ".ssh" / "id_ed25519"
        for old in (own, own.with_suffix(".pub")):
            old.unlink()
        make_key(own, kind)
        pasted = {"public_key": own.with_suffix(".pub").read_text()}
        order = replace(ground.order(), answers=pasted)
        credential = await given(adapter, order)
        assert "PRIVATE KEY" not in credential.snippets[0].text
        shown = certificate_of(credential)
        if ca == "rsa":
            assert "using rsa-sha2-512" in shown
        code, out, said = await host.says(host.pasted(credential, home), "printf curfew")
        assert (code, out) == (0, "curfew"), said
    await adapter.aclose()


async def test_what_a_certificate_says(ground: SshGround, adapter: SshAdapter) -> None:
    """Named by the mark, for these principals, from a minute ago to the grant's end; no more."""
    block = {**ground.block(), "principals": ["ops", "{name}"], "source_addresses": ["127.0.0.0/8"]}
    order = replace(ground.order(), params=block)
    shown = certificate_of(await given(adapter, order))
    lines = [line.strip() for line in shown.splitlines()]
    assert f'Key ID: "{order.mark}"' in lines
    assert lines[lines.index("Principals:") + 1 : lines.index("Critical Options:")] == [
        "ops",
        "dana",
    ]
    assert lines[lines.index("Critical Options:") + 1] == "source-address 127.0.0.0/8"
    assert lines[lines.index("Extensions:") + 1 :] == ["permit-pty"]
    valid = next(line for line in lines if line.startswith("Valid:")).split()
    begin, end = (datetime.fromisoformat(word).astimezone(UTC) for word in (valid[2], valid[4]))
    assert end == order.expires_at.replace(microsecond=0)
    assert timedelta(seconds=55) < datetime.now(UTC) - begin < timedelta(seconds=90)


async def test_what_a_certificate_allows(ground: SshGround, adapter: SshAdapter) -> None:
    """A terminal by default, no forwarding; nothing from another address than the policy's."""
    host, home = ground.host, ground.host.home("dana")

    async def tried(remote: str, *options: str, **changes: object) -> tuple[int, str, str]:
        order = replace(ground.order(), params={**ground.block(), **changes})
        command = host.pasted(await given(adapter, order), home)
        return await host.says([command[0], *options, *command[1:]], remote)

    if os.geteuid() == 0:  # else sshd itself may not hand over a terminal
        assert (await tried("test -t 0 && printf tty", "-tt"))[1] == "tty"
    assert "PTY allocation" in (await tried("test -t 0", "-tt", extensions=[]))[2]
    forward = ("-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:9")
    assert (await tried("true", *forward))[0] == 255
    allowed = ["permit-port-forwarding"]
    assert (await tried("true", *forward, extensions=allowed))[0] == 0
    assert (await tried("printf in", source_addresses=["127.0.0.0/8"]))[1] == "in"
    code, _, said = await tried("true", source_addresses=["192.0.2.0/24"])
    assert code == 255
    assert "Permission denied" in said


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*HOSTILE, "ops,dana", "*", "ops dana"])
async def test_a_hostile_name_is_no_principal(
    ground: SshGround, adapter: SshAdapter, name: str
) -> None:
    """Told before anybody is asked, refused afterwards, and nothing is made."""
    person = replace(ground.person(), names={"ssh": name})
    order, before = ground.order(person=person), await ground.inventory()
    assert (await adapter.counterpart(order) or "").endswith("under bastions.")
    with pytest.raises(RefusedError):
        await adapter.grant(order)
    assert await adapter.verify(order) is Presence.ABSENT
    assert await ground.inventory() == before


# --- ends -----------------------------------------------------------------------------------------


async def test_more_time_needs_another_certificate(ground: SshGround, adapter: SshAdapter) -> None:
    """The one in hand ends when it would have; the next one lasts as long as the grant."""
    order = ground.order(lasts=timedelta(seconds=3))
    credential = await given(adapter, order)
    later = replace(order, expires_at=order.expires_at + HOUR)
    await adapter.grant(later)
    assert await ground.admits(later, credential)
    await ground.until(order.expires_at + timedelta(milliseconds=100))
    assert not await ground.admits(later, credential)
    assert await adapter.verify(later) is Presence.PRESENT
    assert await ground.admits(later, await adapter.issue(later))


async def test_a_nearer_end_takes_the_certificate_away(
    ground: SshGround, adapter: SshAdapter
) -> None:
    """What would outlive the grant is revoked at once; another one can be had."""
    order = ground.order()
    credential = await given(adapter, order)
    sooner = replace(order, expires_at=order.expires_at - HOUR / 2)
    await adapter.grant(sooner)
    assert not await ground.admits(sooner, credential)
    assert await ground.admits(sooner, await adapter.issue(sooner))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_only_a_forwarding_is_a_session_too(
    ground: SshGround, adapter: SshAdapter, host: str
) -> None:
    """A connection without a program on the host is ended as well, by both kinds of address."""
    if host == "::1" and not HAS_IPV6:
        pytest.skip("no IPv6 here")
    block = {**ground.block(), "host": host, "extensions": ["permit-port-forwarding"]}
    order = replace(ground.order(), params=block)
    command = ground.host.pasted(await given(adapter, order), ground.host.home("dana"))
    process = await asyncio.create_subprocess_exec(
        command[0], "-v", "-N", *command[1:], stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    while b"Entering interactive session" not in await process.stderr.readline():
        assert process.returncode is None
    await adapter.revoke(order)
    _, said = await process.communicate()
    assert process.returncode == 255, said


# --- the list -------------------------------------------------------------------------------------


async def test_the_list_is_one_of_openssh(ground: SshGround, adapter: SshAdapter) -> None:
    """ssh-keygen reads ours, and we read ssh-keygen's."""
    first, second = ground.order(), ground.order(who="eli")
    for order in (first, second, second):
        await given(adapter, order)
    former = json.loads((ground.host.state / "revoked.json").read_text())[second.mark]["serials"]
    await adapter.revoke(first)
    shown = run("ssh-keygen", "-Q", "-l", "-f", ground.host.krl).splitlines()
    assert {line for line in shown if line.startswith(("id:", "serial:"))} == {
        f"id: {first.mark}",
        *(f"serial: {number}" for number in former),
    }
    theirs = ground.host.folder / "theirs.krl"
    listed = "id: somebody\nserial: 80-90\n"
    run("ssh-keygen", "-q", "-k", "-s", "none", "-f", theirs, "-", text=listed)
    assert krl.decode(theirs.read_bytes()).key_ids == {"somebody"}
    run("ssh-keygen", "-q", "-k", "-s", ground.host.ca.with_suffix(".pub"), "-f", theirs, "-",
        text="serial: 5\n")  # fmt: skip
    assert krl.decode(theirs.read_bytes()) == krl.Revoked()


async def test_hosts_fetch_the_list(ground: SshGround, adapter: SshAdapter) -> None:
    """The bytes that hosts get are those of the file; there is nothing else to fetch."""
    order = ground.order()
    await given(adapter, order)
    await adapter.revoke(order)
    shown = await adapter.document("krl")
    assert shown == ground.host.krl.read_bytes()
    assert order.mark.encode() in (shown or b"")
    for name in ("revoked.json", "ca", "../state/lock", ""):
        assert await adapter.document(name) is None
    async with ground.weather(Weather.DOWN):
        with pytest.raises(UnreachableError):
            await adapter.document("krl")


async def test_a_list_elsewhere(ground: SshGround, tmp_path: Path) -> None:
    """It is written where the settings say, readable for everybody, the books stay private."""
    adapter = other(ground, krl=tmp_path / "lists" / "curfew.krl")
    (tmp_path / "lists").mkdir()
    order = ground.order()
    await given(adapter, order)
    await adapter.revoke(order)
    place = tmp_path / "lists" / "curfew.krl"
    assert krl.decode(place.read_bytes()).key_ids == {order.mark}
    assert place.stat().st_mode & 0o777 == 0o644
    assert (ground.host.state / "revoked.json").stat().st_mode & 0o777 == 0o600
    assert [one.name for one in place.parent.iterdir()] == ["curfew.krl"]
    await adapter.aclose()


async def test_revoked_is_forgotten_a_day_after_its_end(ground: SshGround) -> None:
    """The list does not grow for ever."""
    adapter = other(ground)
    old = {
        "ended": True,
        "serials": [1],
        "until": int(datetime.now(UTC).timestamp()) - 90_000,
    }
    young = {**old, "until": old["until"] + 7_200}
    books = {"curfew-000000000001": old, "curfew-000000000002": young}
    (ground.host.state / "revoked.json").write_text(json.dumps(books))
    order = ground.order()
    await given(adapter, order)
    await adapter.revoke(order)
    listed = krl.decode(ground.host.krl.read_bytes())
    assert listed.key_ids == {order.mark, "curfew-000000000002"}
    await adapter.aclose()


# --- the books ------------------------------------------------------------------------------------


async def test_a_revoke_that_died_in_the_middle(ground: SshGround, adapter: SshAdapter) -> None:
    """Whatever step a power cut leaves, it is not called gone, and the next try completes it."""
    host, order = ground.host, ground.order()
    credential = await given(adapter, order)
    entry, list_before = (host.state / order.mark).read_bytes(), host.krl.read_bytes()
    await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.ABSENT
    for lost in ("list", "entry", "list and entry"):
        if "list" in lost:
            host.krl.write_bytes(list_before)
        if "entry" in lost:
            (host.state / order.mark).write_bytes(entry)
        (host.state / f".{order.mark}.new").write_bytes(b"half")
        assert await adapter.verify(order) is not Presence.ABSENT
        await adapter.revoke(order)
        assert await adapter.verify(order) is Presence.ABSENT
        assert not await ground.admits(order, credential)


async def test_books_that_were_lost(ground: SshGround, adapter: SshAdapter) -> None:
    """A certificate that nothing is known of any more ends when its grant is revoked."""
    order = ground.order()
    credential = await given(adapter, order)
    ground.host.wipe()
    assert await ground.admits(order, credential)
    assert await adapter.verify(order) is Presence.ABSENT
    await adapter.revoke(order)
    assert not await ground.admits(order, credential)


@pytest.mark.parametrize("garbage", ["", "{", "[]", '{"ends": 1}', "null"])
async def test_a_damaged_grant(ground: SshGround, adapter: SshAdapter, garbage: str) -> None:
    """Nobody gets another certificate by it, and a revoke ends the one that is out."""
    order = ground.order()
    credential = await given(adapter, order)
    (ground.host.state / order.mark).write_text(garbage)
    assert await adapter.verify(order) is Presence.PARTIAL
    assert order.grant_id in await adapter.owned()
    with pytest.raises(RefusedError):
        await adapter.issue(order)
    await adapter.revoke(replace(order, params={}, expires_at=datetime.now(UTC)))
    assert await adapter.verify(order) is Presence.ABSENT
    assert not await ground.admits(order, credential)


@pytest.mark.parametrize("garbage", ["", "{", "[]", '{"curfew-0123456789ab": 1}', "null"])
async def test_damaged_books_are_never_taken_for_empty(
    ground: SshGround, adapter: SshAdapter, garbage: str
) -> None:
    """Else all that was revoked would be let in again: a human has to act."""
    order = ground.order()
    await given(adapter, order)
    (ground.host.state / "revoked.json").write_text(garbage)
    before = ground.host.krl.read_bytes()
    for call in (adapter.grant, adapter.revoke, adapter.verify, adapter.issue):
        with pytest.raises(RefusedError, match="damaged"):
            await call(order)
    assert ground.host.krl.read_bytes() == before


async def test_two_replicas_lose_nothing(ground: SshGround) -> None:
    """What both revoke at the same moment is on the list, all of it."""
    replicas = [other(ground), other(ground)]
    orders = [ground.order() for _ in range(24)]
    await asyncio.gather(*(replicas[n % 2].grant(order) for n, order in enumerate(orders)))
    for turn in range(2):
        work = (replicas[(n + turn) % 2].issue(order) for n, order in enumerate(orders))
        await asyncio.gather(*work)
    listed = krl.decode(ground.host.krl.read_bytes())
    assert len(listed.serials) == len(orders)
    await asyncio.gather(*(replicas[n % 2].revoke(order) for n, order in enumerate(orders)))
    assert krl.decode(ground.host.krl.read_bytes()).key_ids == {order.mark for order in orders}
    for one in replicas:
        await one.aclose()


async def test_a_full_disk(ground: SshGround, adapter: SshAdapter) -> None:
    """Nothing is lost, nothing is half; time heals it."""
    if not ground.host.mounted:
        pytest.skip("no file system can be mounted here that could be full")
    order, fresh = ground.order(), ground.order()
    await given(adapter, order)
    before = await ground.inventory()
    with ground.host.full():
        for call in (lambda: adapter.issue(order), lambda: adapter.grant(fresh)):
            with pytest.raises(UnreachableError, match="no space left"):
                await call()
        with pytest.raises(UnreachableError, match="no space left"):
            await adapter.revoke(order)
        assert await adapter.verify(order) is Presence.PRESENT
    assert before <= await ground.inventory()
    await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.ABSENT


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        (errno.EACCES, RefusedError),
        (errno.EPERM, RefusedError),
        (errno.EROFS, RefusedError),
        (errno.ENOSPC, UnreachableError),
        (errno.EDQUOT, UnreachableError),
        (errno.EIO, UnreachableError),
        (errno.ESTALE, UnreachableError),
        (errno.EMFILE, UnreachableError),
    ],
)
def test_errors_of_the_machine(code: int, wanted: type[Exception]) -> None:
    """What a human must mend is refused; a full disk or a share that is away may heal."""
    assert type(translated(OSError(code, os.strerror(code), "/state/lock"))) is wanted


# --- the agent ------------------------------------------------------------------------------------


async def test_a_locked_agent(ground: SshGround) -> None:
    """It is refused with the way out; what ends access needs no agent."""
    host = ground.host
    public = (host.folder / "ca_rsa.pub").read_text()
    adapter = other(ground, ca_key=None, ca_agent=host.agent, ca_public=public)
    order = ground.order()
    await adapter.grant(order)
    first = await adapter.issue(order)
    with locked(host):
        with pytest.raises(RefusedError, match="ssh-add -X"):
            await adapter.issue(order)
        assert "ssh-add" in " ".join(await adapter.probe())
    assert await ground.admits(order, first), "nothing was made, so nothing is to end"
    with locked(host):
        await adapter.revoke(order)
        assert await adapter.verify(order) is Presence.ABSENT
    assert not await ground.admits(order, first)
    await adapter.aclose()


@contextmanager
def locked(host: Host) -> Iterator[None]:
    """The agent wants a passphrase; given by a program, since there is no terminal."""
    asker = host.folder / "asker"
    asker.write_text("#!/bin/sh\necho word\n")
    asker.chmod(0o700)
    env = {"SSH_AUTH_SOCK": str(host.agent), "SSH_ASKPASS": str(asker)}
    env |= {"SSH_ASKPASS_REQUIRE": "force"}
    run("ssh-add", "-x", env=env)
    try:
        yield
    finally:
        run("ssh-add", "-X", env=env)


@pytest.mark.parametrize(
    "answer", [None, b"", b"\0\0\0\1", b"\0\0\0\0", b"\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n"]
)
async def test_no_agent(ground: SshGround, tmp_path: Path, answer: bytes | None) -> None:
    """One that is away, hangs up or speaks something else: time may heal it, within the limit."""
    place = tmp_path / "agent"
    public = (ground.host.folder / "ca_rsa.pub").read_text()
    adapter = other(ground, ca_key=None, ca_agent=place, ca_public=public)
    order = ground.order()
    await adapter.grant(order)
    with speaking(place, answer):
        for call in (lambda: adapter.issue(order), adapter.probe):
            with pytest.raises(UnreachableError, match="agent"):
                await call()
    await adapter.revoke(order)
    await adapter.aclose()


@contextmanager
def speaking(place: Path, answer: bytes | None) -> Iterator[None]:
    """Somebody at that socket who says this to everybody and hangs up; None: nobody."""
    if answer is None:
        yield
        return
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(place))
        door.listen()

        def serve() -> None:
            with suppress(OSError):
                while True:
                    line, _ = door.accept()
                    with line:
                        line.recv(4096)
                        line.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            door.shutdown(socket.SHUT_RDWR)
            thread.join()


async def test_an_agent_that_signs_with_another_key(ground: SshGround, tmp_path: Path) -> None:
    """What it gives is checked before anybody gets it."""
    stranger = make_key(tmp_path / "stranger")
    public = stranger.with_suffix(".pub").read_text()
    adapter = other(ground, ca_key=None, ca_agent=tmp_path / "agent", ca_public=public)
    order = ground.order()
    await adapter.grant(order)
    signature = b"\0\0\0\x0bssh-ed25519" + b"\0\0\0\x40" + bytes(64)
    body = b"\x0e" + len(signature).to_bytes(4) + signature
    with (
        speaking(tmp_path / "agent", len(body).to_bytes(4) + body),
        pytest.raises(RefusedError, match="not one of the CA's key"),
    ):
        await adapter.issue(order)
    await adapter.aclose()


# --- the program that ends sessions ---------------------------------------------------------------


def script(place: Path, text: str) -> Path:
    place.write_text(f"#!/bin/sh\n{text}\n")
    place.chmod(0o755)
    return place


async def test_the_endergets_the_mark_and_nothing_of_ours(
    ground: SshGround, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole argument becomes the mark, no shell reads anything, the environment is fixed."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    ender = script(tmp_path / "end", f'printf "%s\\n" "$@" > {tmp_path}/args; env > {tmp_path}/env')
    command = [str(ender), "{mark}", "x{mark}", "$(id)", "a b"]
    adapter = other(ground, end_sessions=command)
    order = ground.order(resource="a 'resource'; id")
    await given(adapter, order)
    await adapter.revoke(order)
    args = (tmp_path / "args").read_text().splitlines()
    assert args == [order.mark, "x{mark}", "$(id)", "a b"]
    env = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    assert env.pop("PWD") == "/"
    assert set(env) - {"_", "SHLVL", "OLDPWD"} == {"PATH", "LANG", "CURFEW_MARK", "CURFEW_RESOURCE"}
    assert env["CURFEW_RESOURCE"] == "a 'resource'; id"
    await adapter.aclose()


async def test_a_enderthat_fails(ground: SshGround, tmp_path: Path) -> None:
    """The revoke is repeated until it ends well, though nobody can start anew meanwhile."""
    fails = script(tmp_path / "end", f"test -e {tmp_path}/well || {{ echo no route >&2; exit 3; }}")
    adapter = other(ground, end_sessions=[str(fails)])
    order = ground.order()
    credential = await given(adapter, order)
    for _ in range(2):
        with pytest.raises(UnreachableError, match="failed with 3: no route"):
            await adapter.revoke(order)
        assert not await ground.admits(order, credential)
    (tmp_path / "well").touch()
    await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.ABSENT
    await adapter.aclose()


async def test_a_enderthat_hangs(ground: SshGround, tmp_path: Path) -> None:
    """It is ended in time, with all that it started."""
    hangs = script(tmp_path / "end", f"sleep 987 & echo $! > {tmp_path}/child; wait")
    adapter = other(ground, end_sessions=[str(hangs)], end_sessions_within=0.5)
    order = ground.order()
    await given(adapter, order)
    began = time.monotonic()
    with pytest.raises(UnreachableError, match="did not end within"):
        await adapter.revoke(order)
    assert time.monotonic() - began < 3
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 5
    while _runs(child):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    await adapter.aclose()


def _runs(pid: int) -> bool:
    with suppress(ProcessLookupError, FileNotFoundError):
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


async def test_no_enderfor_what_was_never_used(ground: SshGround, tmp_path: Path) -> None:
    """Nobody was let in without a certificate: there is nothing to end."""
    ran = script(tmp_path / "end", f"echo ran >> {tmp_path}/ran")
    adapter = other(ground, end_sessions=[str(ran)])
    order = ground.order()
    await adapter.grant(order)
    await adapter.revoke(order)
    assert not (tmp_path / "ran").exists()
    await adapter.aclose()


# --- doctor ---------------------------------------------------------------------------------------


async def test_doctor_names_what_is_missing(ground: SshGround, tmp_path: Path) -> None:
    """Each with the line that mends it; the line is then run, and it is gone."""
    host = ground.host
    ca = make_key(tmp_path / "ca")
    ca.chmod(0o644)
    ender = tmp_path / "end"
    ender.write_text("#!/bin/sh\n")
    adapter = other(ground, ca_key=ca, end_sessions=[str(ender)])
    host.krl.unlink()
    host.state.chmod(0o755)
    missing = await adapter.probe([ground.block()])
    assert len(missing) == 4
    for sentence in missing:
        await paste(sentence.split("Run: ")[1])
    assert await adapter.probe([ground.block()]) == []
    await adapter.aclose()


async def test_doctor_and_the_first_directory(ground: SshGround) -> None:
    """Without its lock a directory is not ours; the sentence says how it becomes so."""
    with tempfile.TemporaryDirectory() as folder:
        adapter = other(ground, state=Path(folder) / "state")
        with pytest.raises(UnreachableError) as caught:
            await adapter.probe()
        await paste(str(caught.value).split("To make a new one: ")[1])
        [missing] = await adapter.probe()
        await paste(missing.split("Run: ")[1])
        assert await adapter.probe() == []
        await adapter.aclose()


async def paste(line: str) -> None:
    """As a human would."""
    process = await asyncio.create_subprocess_shell(line)
    assert await process.wait() == 0, line


@pytest.mark.parametrize("kind", ["none", "empty", "public", "passphrase", "dsa-pem"])
async def test_a_ca_that_cannot_sign(ground: SshGround, tmp_path: Path, kind: str) -> None:
    """Said by doctor and refused at the press, without a word of the key."""
    place = tmp_path / "ca"
    if kind == "empty":
        place.touch()
    elif kind == "public":
        shutil.copy(ground.host.ca.with_suffix(".pub"), place)
    elif kind == "passphrase":
        make_key(place)
        run("ssh-keygen", "-q", "-p", "-P", "", "-N", "a word", "-f", place)
    elif kind == "dsa-pem":
        place.write_text("-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n")
    adapter = other(ground, ca_key=place)
    order = ground.order()
    await adapter.grant(order)
    said = " ".join(await adapter.probe())
    assert str(place) in said
    with pytest.raises(RefusedError) as caught:
        await adapter.issue(order)
    assert str(caught.value) in said
    await adapter.revoke(order)
    await adapter.aclose()
