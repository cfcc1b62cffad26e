"""`curfew check` and `curfew doctor`: what is wrong, where, and what to do."""

import json

from sandbox import SandboxServer
from sandbox.seed import AUDIT, DBA, MAYA
from tests.cli.ground import Ground


async def test_good_policy(ground: Ground) -> None:
    """A policy in order is exit code 0 and a line that says what stands in it."""
    said = await ground.curfew("check")
    assert (said.code, said.out) == (0, "policy.yml: in order: 2 resources, 1 provider.\n")


async def test_all_problems_with_their_place(ground: Ground) -> None:
    """Every problem is printed with file, line, column and hint; exit code 1."""
    text = ground.policy.read_text()
    text = text.replace("requesters: [group:backend]", "requesters: [group:nobody]", 1)
    text = text.replace("duration: 5m", "duration: 5min")
    ground.policy.write_text(text)
    lines = text.splitlines()
    wrong = [number for number, line in enumerate(lines, 1) if "nobody" in line or "5min" in line]
    said = await ground.curfew("check")
    assert said.code == 1
    for number in wrong:
        assert f"policy.yml:{number}:" in said.out
    assert "hint: " in said.out
    assert said.out.endswith("policy.yml: 2 errors.\n")
    assert not said.err


async def test_warnings_alone(ground: Ground) -> None:
    """What is only suspicious is printed and is exit code 0."""
    text = ground.policy.read_text()
    ground.policy.write_text(text.replace("groups:", "groups:\n  nobody: []", 1))
    said = await ground.curfew("check")
    assert said.code == 0
    assert "warning [unused]: The group nobody is not used." in said.out
    assert said.out.endswith("2 resources, 1 provider, 1 warning.\n")


async def test_json(ground: Ground) -> None:
    """--format json prints the same for programs."""
    ground.policy.write_text(ground.policy.read_text().replace("version: 1", "version: 7"))
    said = await ground.curfew("check", "--format", "json")
    assert said.code == 1
    (problem,) = json.loads(said.out)
    assert (problem["file"], problem["severity"]) == ("policy.yml", "error")
    assert problem["line"] == 3


async def test_named_file(ground: Ground) -> None:
    """Another file may be named; one that is not there is a problem."""
    said = await ground.curfew("check", "missing.yml")
    assert said.code == 1
    assert "missing.yml:1:1" in said.out


async def test_missing_variable(ground: Ground) -> None:
    """A variable that is not set is a problem at its place, and no other's value is shown."""
    del ground.environ["DEMO_ADMIN_DSN"]
    said = await ground.curfew("check")
    assert said.code == 1
    assert "DEMO_ADMIN_DSN" in said.out


async def test_doctor_finds_nothing(office: Ground) -> None:
    """When all is well every part is ok; exit code 0, and nothing was made."""
    await office.curfew("db", "upgrade")
    said = await office.curfew("doctor")
    assert said.code == 0, said
    for part in ("policy", "database", "Slack (socket mode)", "provider orders-pg"):
        assert f"ok     {part}" in said.out
    assert not (office.directory / "audit.key").exists()


async def test_doctor_finds_all_at_once(office: Ground, sandbox: SandboxServer) -> None:
    """Every part is looked at, whatever is wrong with another; exit code 1, no secret shown."""
    sandbox.workspace.channels[AUDIT].members.remove(sandbox.installation.bot_user)
    sandbox.installation.scopes.discard("usergroups:read")
    text = office.policy.read_text().replace("[app_owner]", "[app_nobody]")
    office.policy.write_text(text)
    said = await office.curfew("doctor", DATABASE_URL="sqlite:////no/such/dir/curfew.db")
    assert said.code == 1
    assert "/no/such/dir" in said.out
    assert "C0AUDIT" in said.out
    assert "usergroups:read" in said.out
    assert "app_nobody" in said.out
    assert "wrong" in said.err
    secret = office.shop.admin_dsn.split(":")[2].partition("@")[0]
    assert secret not in said.out + said.err


async def test_doctor_counts_people(office: Ground, sandbox: SandboxServer) -> None:
    """More approvals than a user group has members is wrong, though `check` cannot know it."""
    await office.curfew("db", "upgrade")
    sandbox.admin.change_usergroup(DBA, users=[MAYA])
    assert (await office.curfew("check")).code == 0
    said = await office.curfew("doctor")
    assert said.code == 1
    assert "prod-db-write asks for 2 approvals and has 1 approver in Slack." in said.out


async def test_doctor_with_a_provider_away(office: Ground) -> None:
    """A provider that does not answer is told, and a wrong token beside it."""
    away = office.shop.admin_dsn.rpartition("@")[0] + "@127.0.0.1:1/postgres"
    said = await office.curfew("doctor", DEMO_ADMIN_DSN=away, SLACK_BOT_TOKEN="xoxb-wrong")
    assert said.code == 1
    assert "wrong  provider orders-pg" in said.out
    assert "does not accept the bot token" in said.out


async def test_doctor_without_slack(ground: Ground) -> None:
    """Without tokens the rest is looked at."""
    await ground.curfew("db", "upgrade")
    said = await ground.curfew("doctor")
    assert said.code == 0
    assert "No Slack tokens are set" in said.out
    assert "ok     provider orders-pg" in said.out
