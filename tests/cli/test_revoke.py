"""Ending access from a terminal: beside a running bot, without one, and after a crash."""

import asyncio
import signal
from typing import Final

import psycopg
import pytest

from sandbox import SandboxServer, buttons_of, text_of
from sandbox.seed import APPROVALS, AUDIT, DANA, MAYA, OLGA
from tests.cli.ground import Ground

LINE: Final = "/access prod-db 10m look at the stuck orders"


async def get_access(office: Ground, sandbox: SandboxServer, line: str = LINE) -> str:
    """Dana asks, Maya approves; the grant's id once the login is there."""
    dana, maya = sandbox.person(DANA), sandbox.person(MAYA)
    before = office.logins()
    await sandbox.connected()
    await dana.command(line)
    await maya.click("Approve", message=await maya.waits_for("prod-db", channel=APPROVALS))
    await sandbox.until(
        lambda: any("Get credentials" in buttons_of(one) for one in dana.dms()), within=15
    )
    (login,) = office.logins() - before
    return login.removeprefix("curfew_")


async def test_beside_a_running_bot(office: Ground, sandbox: SandboxServer) -> None:
    """The bot does it, the command waits for the proof, and Slack is told by whom."""
    async with office.bot():
        grant = await get_access(office, sandbox)
        said = await office.curfew("revoke", grant[:5], "--reason", "laptop lost")
        assert (said.code, "gone" in said.out) == (0, True), said
        assert "Handed over to the bot that runs" in said.err
        assert f"curfew_{grant}" not in office.logins()
        line = await sandbox.person(OLGA).waits_for("Revoked", channel=AUDIT)
        assert "at the command line" in text_of(line)


async def test_without_a_bot(office: Ground, sandbox: SandboxServer) -> None:
    """After a kill the command ends access itself; the next start tells Slack of it."""
    async with office.bot() as process:
        grant = await get_access(office, sandbox)
        process.kill()
        await process.wait()
    said = await office.curfew("revoke", "--all", "--reason", "incident 42")
    assert (said.code, "gone" in said.out) == (0, True), said
    assert f"curfew_{grant}" not in office.logins()
    shown = await office.curfew("grants", "show", grant)
    assert "grant.ended" in shown.out
    assert "incident 42" in shown.out
    assert "state=ended" in shown.out
    assert "policy_hash" not in shown.out
    olga = sandbox.person(OLGA)
    assert not any("Verified gone" in text_of(one) for one in olga.sees(AUDIT))
    async with office.bot():
        await olga.waits_for("Verified gone", channel=AUDIT, within=20)


async def test_a_session_is_cut(office: Ground, sandbox: SandboxServer) -> None:
    """What is open through the login ends with it, with no bot running."""
    async with office.bot() as process:
        grant = await get_access(office, sandbox)
        dana = sandbox.person(DANA)
        await dana.click("Get credentials")
        form = text_of(await dana.waits_for_modal("postgresql://"))
        dsn = next(word for word in form.split() if word.startswith("postgresql://"))
        process.kill()
        await process.wait()
    with psycopg.connect(dsn, autocommit=True) as session:
        assert session.execute("SELECT count(*) FROM orders").fetchone() == (300,)
        assert (await office.curfew("revoke", grant, "--reason", "over")).code == 0
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(dsn)


async def test_provider_away(office: Ground, sandbox: SandboxServer) -> None:
    """While the provider is away it is written down and tried on; exit code 1, and why."""
    async with office.bot() as process:
        grant = await get_access(office, sandbox)
        process.kill()
        await process.wait()
    away = office.shop.admin_dsn.rpartition("@")[0] + "@127.0.0.1:1/postgres"
    said = await office.curfew(
        "revoke", grant, "--reason", "over", "--wait", "2", DEMO_ADMIN_DSN=away
    )
    assert said.code == 1
    assert "still revoking" in said.out
    assert "not proven" in said.err
    assert f"curfew_{grant}" in office.logins()
    async with office.bot():
        await office.until(lambda: f"curfew_{grant}" not in office.logins(), within=30)


async def test_bad_policy_still_writes_it_down(office: Ground, sandbox: SandboxServer) -> None:
    """With a policy that cannot be read the end is on disk all the same."""
    async with office.bot() as process:
        grant = await get_access(office, sandbox)
        process.kill()
        await process.wait()
    good = office.policy.read_text()
    office.policy.write_text("version: 2\n")
    said = await office.curfew("revoke", grant, "--reason", "over")
    assert said.code == 2
    assert "written down" in said.err
    office.policy.write_text(good)
    async with office.bot():
        await office.until(lambda: f"curfew_{grant}" not in office.logins(), within=30)


async def test_requests_are_cancelled(office: Ground, sandbox: SandboxServer) -> None:
    """What still waits for a decision is cancelled, by person as well as by resource."""
    async with office.bot():
        await sandbox.connected()
        await sandbox.person(DANA).command(LINE)
        said = await office.curfew("revoke", "--who", "Dana@Example.com", "--reason", "left")
        assert (said.code, "cancelled" in said.out) == (0, True), said
        listed = await office.curfew("grants", "--all", "--state", "cancelled")
        assert "dana@example.com" in listed.out


async def test_several_at_once_and_filters(office: Ground, sandbox: SandboxServer) -> None:
    """A resource's name ends all access to it and nothing else."""
    async with office.bot():
        grant = await get_access(office, sandbox)
        said = await office.curfew("revoke", "--resource", "prod-db-write", "--reason", "no")
        assert said.code == 0
        assert "nothing to end that fits prod-db-write; `curfew grants` lists" in said.err
        assert f"curfew_{grant}" in office.logins()
        assert (await office.curfew("revoke", "--resource", "prod-db", "--reason", "no")).code == 0
        assert f"curfew_{grant}" not in office.logins()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--reason", "x"], "What is to end?"),
        (["--all"], "A reason is missing."),
        (["--all", "--reason", "  "], "A reason is missing."),
        (["7k2m", "--all", "--reason", "x"], "Ids are given"),
        (["il1", "--reason", "x"], "no grant id"),
        (["7k2m", "--reason", "x"], "There is no database"),
    ],
)
async def test_doubt_ends_nothing(ground: Ground, words: list[str], told: str) -> None:
    """A line that leaves a doubt is refused before anything is looked at."""
    if "no grant id" in told:
        await ground.curfew("db", "upgrade")
    said = await ground.curfew("revoke", *words)
    assert said.code == 2
    assert told in said.err
    assert "hint:" in said.err


async def test_unknown_and_over(office: Ground, sandbox: SandboxServer) -> None:
    """An id that does not exist is exit code 1; one that is over is told so, and is no error."""
    async with office.bot() as process:
        grant = await get_access(office, sandbox)
        assert (await office.curfew("revoke", grant, "--reason", "over")).code == 0
        again = await office.curfew("revoke", grant, "--reason", "over")
        assert again.code == 0
        assert "is over already: ended" in again.err
        unknown = await office.curfew("revoke", "zzzzzzzz", "--reason", "over")
        assert (unknown.code, "There is no grant" in unknown.err) == (1, True)
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 12)
