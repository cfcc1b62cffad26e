"""The demo: the whole story on the real parts, in one process; and as a process of its own."""

import asyncio
import contextlib
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import psycopg
import pytest

from bot.app.bot import Bot
from bot.demo.play import prepared, staged
from bot.demo.shop import Shop
from sandbox import SandboxServer, buttons_of, text_of
from sandbox.seed import APPROVALS, AUDIT, DANA, MAYA, OLGA, OMAR
from tests.cli.ground import Ground


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Path]:
    with prepared(tmp_path, fresh=False):
        yield tmp_path


@asynccontextmanager
async def played(stage: Path, shop: Shop) -> AsyncIterator[tuple[SandboxServer, Bot]]:
    async with staged(stage, "127.0.0.1", 0, shop) as (sandbox, bot):
        await sandbox.connected()
        yield sandbox, bot


async def dsn_of(sandbox: SandboxServer) -> str:
    """Dana presses Get credentials; the DSN of the form."""
    dana = sandbox.person(DANA)
    await sandbox.until(
        lambda: any("Get credentials" in buttons_of(one) for one in dana.dms()), within=15
    )
    await dana.click("Get credentials")
    form = text_of(await dana.waits_for_modal("postgresql://"))
    await dana.close()
    return next(word for word in form.split() if word.startswith("postgresql://"))


def rows(dsn: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn, autocommit=True) as conn:
        return conn.execute(query.encode()).fetchall()


async def test_ask_approve_log_in_and_the_end_comes_by_itself(stage: Path, shop: Shop) -> None:
    """Seconds are enough: asked for, approved, used with a real login, over, proven."""
    async with played(stage, shop) as (sandbox, _):
        dana, maya, olga = (sandbox.person(one) for one in (DANA, MAYA, OLGA))
        await dana.command("/access prod-db 4s look at the stuck orders")
        await maya.click("Approve", message=await maya.waits_for("prod-db", channel=APPROVALS))
        dsn = await dsn_of(sandbox)
        assert rows(dsn, "SELECT count(*) FROM orders WHERE status = 'stuck'") == [(3,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            rows(dsn, "UPDATE orders SET status = 'paid' WHERE status = 'stuck'")
        await olga.waits_for("Verified gone", channel=AUDIT, within=15)
        with pytest.raises(psycopg.OperationalError):
            rows(dsn, "SELECT 1")
        told = " ".join(text_of(one) for one in olga.sees(AUDIT))
        for word in ("Requested", "Approved", "Started", "Expired", "Verified gone"):
            assert told.count(f"*{word}*") == 2, word  # once as blocks, once as plain text


async def test_writing_takes_two_and_an_incident(stage: Path, shop: Shop) -> None:
    """prod-db-write wants an incident number and both approvers, and then may change data."""
    async with played(stage, shop) as (sandbox, _):
        dana, maya, omar = (sandbox.person(one) for one in (DANA, MAYA, OMAR))
        said = await dana.command("/access prod-db-write 1m free the stuck order")
        assert "INC-" in text_of(said["response"])
        await dana.command("/access prod-db-write 1m INC-117 free the stuck order")
        card = await maya.waits_for("prod-db-write", channel=APPROVALS)
        await maya.click("Approve", message=card)
        await omar.waits_for("1 of 2", channel=APPROVALS)
        await omar.click("Approve")
        dsn = await dsn_of(sandbox)
        change = "UPDATE orders SET status = 'paid' WHERE id = 117 RETURNING status"
        assert rows(dsn, change) == [("paid",)]
        await dana.command("/access revoke prod-db-write")
        await sandbox.person(OLGA).waits_for("Verified gone", channel=AUDIT, within=15)
        rows_left = "UPDATE orders SET status = 'stuck' WHERE id = 117 RETURNING status"
        with pytest.raises(psycopg.OperationalError):
            rows(dsn, rows_left)


async def test_played_on_after_a_stop(stage: Path, shop: Shop) -> None:
    """What was open when the demo stopped is ended by the next one, and its log goes on."""
    async with played(stage, shop) as (sandbox, bot):
        dana, maya = sandbox.person(DANA), sandbox.person(MAYA)
        await dana.command("/access prod-db 3s look at the stuck orders")
        await maya.click("Approve", message=await maya.waits_for("prod-db", channel=APPROVALS))
        dsn = await dsn_of(sandbox)
        policy = bot.policies.current.digest
    async with played(stage, shop) as (sandbox, bot):
        await sandbox.person(OLGA).waits_for("Verified gone", channel=AUDIT, within=20)
        assert bot.policies.current.digest == policy
    with pytest.raises(psycopg.OperationalError):
        rows(dsn, "SELECT 1")


async def test_page_has_first_steps(stage: Path, shop: Shop) -> None:
    """The page is there, with what to do first."""
    async with (
        played(stage, shop) as (sandbox, _),
        aiohttp.ClientSession() as client,
        client.get(f"{sandbox.url}/sandbox/bootstrap") as told,
        client.get(sandbox.url) as page,
    ):
        notes = (await told.json())["notes"]
        assert any("/access prod-db" in note for note in notes)
        assert "<html" in await page.text()


def servers_of(state: Path) -> list[str]:
    """The database servers that run for this directory, or for its stand-in elsewhere."""
    pointer = state / "postgres" / "elsewhere"
    homes = [str(state), *([pointer.read_text()] if pointer.exists() else [])]
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if any(home in line for home in homes):
                found.append(line)
    return found


async def test_as_a_process(ground: Ground) -> None:
    """It prints one URL, answers there, and Ctrl-C ends it and everything that it started."""
    state = ground.directory / "state"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "demo", "--port", "0", "--state", str(state)),
        cwd=ground.directory,
        env=ground.environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        first = (await process.stdout.readline()).decode()
    url = re.search(r"http://\S+", first)
    assert url is not None
    async with aiohttp.ClientSession() as client, client.get(url[0]) as page:
        assert page.status == 200
    assert any("postgres" in line for line in servers_of(state))
    again = await ground.curfew("demo", "--port", "0", "--state", str(state))
    assert (again.code, "Another demo plays" in again.err) == (2, True)
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(15):
        out, err = await process.communicate()
    assert process.returncode == 0, err
    assert b"http://" not in out
    assert err == b""
    assert servers_of(state) == []


async def test_port_in_use(ground: Ground) -> None:
    """A port that somebody has is exit code 2 with the way out, and nothing is left running."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        state = ground.directory / "state"
        said = await ground.curfew("demo", "--port", str(port), "--state", str(state))
    assert said.code == 2
    assert "--port" in said.err
    assert "Traceback" not in said.err
    assert servers_of(state) == []


async def test_run_without_tokens_is_the_demo(ground: Ground) -> None:
    """`curfew run` with no Slack settings plays the demo on the given port."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = await ground.curfew("run", CURFEW_PORT=str(port))
    assert said.code == 2
    assert "curfew demo --port" in said.err


async def test_no_room_for_its_data(ground: Ground) -> None:
    """A state directory that cannot be made is told with the way out."""
    said = await ground.curfew("demo", "--port", "0", "--state", "/proc/nowhere")
    assert said.code == 2
    assert "--state" in said.err
