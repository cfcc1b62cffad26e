"""Reading the policy again while the bot runs: on SIGHUP, on a change, and what is refused."""

import signal

from sandbox import SandboxServer, buttons_of, text_of
from sandbox.seed import APPROVALS, AUDIT, DANA, MAYA, OLGA
from tests.cli.ground import Ground
from tests.cli.test_revoke import LINE, get_access


async def waits_for_policy(office: Ground, *, ok: bool) -> str:
    """What /readyz says of the policy, as soon as it is so."""
    said: dict[str, object] = {}

    async def look() -> bool:
        said.update((await office.readyz())[1]["policy"])
        return said["ok"] is ok

    await office.until_so(look)
    return str(said.get("says", ""))


async def test_bad_file_keeps_the_old_policy(office: Ground, sandbox: SandboxServer) -> None:
    """A bad file is refused, said in the audit channel and /readyz; a good one heals it."""
    good = office.policy.read_text()
    olga = sandbox.person(OLGA)
    async with office.bot():
        await sandbox.connected()
        office.policy.write_text(good.replace("approvals: 2 ", "approvals: two "))
        says = await waits_for_policy(office, ok=False)
        assert "policy.yml" in says
        assert (await office.readyz())[0] == 503
        await olga.waits_for("Policy rejected", channel=AUDIT, within=15)
        # Still the former one: two approvals.
        said = await sandbox.person(DANA).command("/access list")
        assert "prod-db-write" in text_of(said["response"])
        office.policy.write_text(good)
        await waits_for_policy(office, ok=True)
        assert (await office.readyz())[0] == 200
        rejected = [one for one in olga.sees(AUDIT) if "Policy rejected" in text_of(one)]
        assert len(rejected) == 1


async def test_sighup(office: Ground, sandbox: SandboxServer) -> None:
    """SIGHUP reads it at once: a resource that is new can be asked for."""
    async with office.bot() as process:
        await sandbox.connected()
        mark = office.policy.stat()
        text = office.policy.read_text().replace("  prod-db:\n", "  prod-dx:\n")
        office.policy.write_text(text)
        process.send_signal(signal.SIGHUP)
        await sandbox.person(OLGA).waits_for("Policy loaded", channel=AUDIT)
        assert office.policy.stat().st_ino == mark.st_ino

        async def listed() -> bool:
            said = await sandbox.person(DANA).command("/access list")
            return "prod-dx" in text_of(said["response"])

        await office.until_so(listed)


async def test_needed_provider_stays(office: Ground, sandbox: SandboxServer) -> None:
    """A file without a provider that live access needs is refused and names the grant."""
    good = office.policy.read_text()
    async with office.bot():
        grant = await get_access(office, sandbox)
        office.policy.write_text(good.replace("orders-pg", "other-pg"))
        says = await waits_for_policy(office, ok=False)
        assert grant in says
        assert "orders-pg" in says
        await sandbox.person(DANA).command("/access revoke prod-db")
        await office.until(lambda: f"curfew_{grant}" not in office.logins())
        office.policy.write_text(good.replace("orders-pg", "third-pg"))
        await waits_for_policy(office, ok=True)


async def test_changed_rule_cancels_requests(office: Ground, sandbox: SandboxServer) -> None:
    """A request whose resource is decided on differently now is cancelled, and the person told."""
    good = office.policy.read_text()
    dana, maya = sandbox.person(DANA), sandbox.person(MAYA)
    async with office.bot():
        await sandbox.connected()
        await dana.command(LINE)
        card = await maya.waits_for("Approve", channel=APPROVALS)
        changed = good.replace("approvers: [group:dba]", "approvers: [group:dba, U0OLGA]", 1)
        assert changed != good
        office.policy.write_text(changed)
        await sandbox.until(
            lambda: all("Approve" not in buttons_of(one) for one in maya.sees(APPROVALS)),
            within=15,
        )
        await maya.click("Approve", message=card)
        assert not any("has `prod-db`" in text_of(one) for one in maya.sees(AUDIT))
        listed = await office.curfew("grants", "--all")
        assert "cancelled" in listed.out


async def test_changed_while_down(office: Ground, sandbox: SandboxServer) -> None:
    """A rule that changed while the bot was down cancels waiting requests at its start."""
    good = office.policy.read_text()
    async with office.bot():
        await sandbox.connected()
        await sandbox.person(DANA).command(LINE)
    office.policy.write_text(good.replace("max_duration: 4h", "max_duration: 3h"))
    async with office.bot():
        listed = await office.curfew("grants", "--all")
        assert "cancelled" in listed.out
