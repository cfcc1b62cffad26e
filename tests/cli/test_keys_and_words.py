"""`curfew audit rotate-key`, `audit key --all` and `audit erase`, as processes."""

import subprocess
import sys

from sandbox import SandboxServer
from sandbox.seed import AUDIT, DANA, OLGA
from tests.cli.ground import ROOT, Ground

PEM = "-----BEGIN PUBLIC KEY-----"


async def ask(sandbox: SandboxServer) -> None:
    await sandbox.connected()
    await sandbox.person(DANA).command("/access prod-db 5m look at the stuck orders")


async def test_rotation_beside_a_running_bot(office: Ground, sandbox: SandboxServer) -> None:
    """The change is told in the channel, both keys are printed, and all is proven."""
    async with office.bot():
        before = await office.curfew("audit", "key")
        said = await office.curfew("audit", "rotate-key")
        assert (said.code, "signs from now on" in said.out) == (0, True), said
        await sandbox.person(OLGA).waits_for("Audit key changed", channel=AUDIT, within=15)
        after = await office.curfew("audit", "key")
        every = await office.curfew("audit", "key", "--all")
        assert before.out != after.out
        assert every.out == before.out + after.out
        assert every.out.count(PEM) == 2
    assert (await office.curfew("audit", "verify")).code == 0
    assert not (office.directory / "audit.key.next").exists()


async def test_an_auditor_with_all_keys(ground: Ground, sandbox: SandboxServer) -> None:
    """An export with a change of keys in it is proven by what `key --all` prints."""
    ground.environ |= {
        "SLACK_BOT_TOKEN": sandbox.bot_token,
        "SLACK_APP_TOKEN": sandbox.app_token,
        "SLACK_API_URL": sandbox.api_url,
    }
    async with ground.bot():
        await ask(sandbox)
    await ground.curfew("audit", "rotate-key")
    log, keys = ground.directory / "log.jsonl", ground.directory / "audit.pub"
    log.write_text((await ground.curfew("audit", "export")).out)
    keys.write_text((await ground.curfew("audit", "key", "--all")).out)
    done = subprocess.run(  # noqa: S603, ASYNC221 - our own program, and nothing else runs
        [sys.executable, ROOT / "curfew_verify.py", log, "--key", keys],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "Whole" in done.stdout) == (0, True), done


async def test_no_key_to_rotate(ground: Ground) -> None:
    """Where there is no key none is made, and it says who makes it."""
    await ground.curfew("db", "upgrade")
    said = await ground.curfew("audit", "rotate-key")
    assert (said.code, "There is no audit key" in said.err) == (2, True)
    assert not (ground.directory / "audit.key").exists()


async def test_a_key_that_was_replaced_elsewhere(office: Ground, sandbox: SandboxServer) -> None:
    """An old copy of the file changes nothing, and is told where the new one is to come from."""
    async with office.bot():
        pass
    key = office.directory / "audit.key"
    old = key.read_bytes()
    assert (await office.curfew("audit", "rotate-key")).code == 0
    key.write_bytes(old)
    said = await office.curfew("audit", "rotate-key")
    assert (said.code, "was replaced by" in said.err) == (2, True), said
    assert key.read_bytes() == old
    assert not (office.directory / "audit.key.next").exists()
    del sandbox


async def test_words_are_erased(office: Ground, sandbox: SandboxServer) -> None:
    """By address, not while something is live, never unasked; then nothing of it is left."""
    async with office.bot():
        await ask(sandbox)
        live = await office.curfew("audit", "erase", "dana@example.com", "--yes")
        assert (live.code, "curfew revoke --who U0DANA" in live.err) == (1, True), live
        assert (await office.curfew("revoke", "--who", DANA, "--reason", "left")).code == 0
        unasked = await office.curfew("audit", "erase", "dana@example.com")
        assert (unasked.code, "--yes" in unasked.err) == (2, True), unasked
        done = await office.curfew("audit", "erase", "Dana@example.com", "--yes")
        assert (done.code, "one grant of U0DANA" in done.out) == (0, True), done
        await sandbox.person(OLGA).waits_for("Words erased", channel=AUDIT, within=15)
    exported = await office.curfew("audit", "export")
    assert "stuck orders" not in exported.out
    assert "dana@example.com" not in exported.out
    assert (await office.curfew("audit", "verify")).code == 0
    nobody = await office.curfew("audit", "erase", "dana@example.com", "--yes")
    assert (nobody.code, "Nobody with the address" in nobody.err) == (1, True), nobody
    again = await office.curfew("audit", "erase", "u0dana", "--yes")
    assert again.code == 0
