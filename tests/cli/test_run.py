"""`curfew run` as a process: start, stop, and every start that cannot be."""

import asyncio
import json
import signal
import socket
import time
from pathlib import Path

import pytest

from sandbox import Fault, FaultKind, SandboxServer, text_of
from sandbox.seed import APPROVALS, AUDIT, OLGA
from tests.cli.ground import Ground, Said
from tests.cli.test_revoke import get_access


def refused(said: Said, *words: str) -> None:
    """Exit code 2, one sentence and a hint, nothing else."""
    assert said.code == 2, said.err
    told = [line for line in said.err.splitlines() if not line.startswith(("20", "{"))]
    assert told[0].startswith("curfew: ")
    assert told[0].endswith(".")
    assert told[1].startswith("  hint: ")
    for word in words:
        assert word in " ".join(told)
    assert "Traceback" not in said.err


async def test_starts_works_stops(office: Ground, sandbox: SandboxServer) -> None:
    """It comes up ready, says so in the audit channel, and stops on SIGTERM within ten seconds."""
    olga = sandbox.person(OLGA)
    async with office.bot() as process:
        await sandbox.connected()
        assert (await office.readyz())[0] == 200
        await olga.waits_for("Curfew started", channel=AUDIT)
        await olga.waits_for("Policy loaded", channel=AUDIT)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 12) == 0
        assert time.monotonic() - began < 10
    assert any("Curfew stopped" in text_of(one) for one in olga.sees(AUDIT))
    assert all(json.loads(line)["level"] == "info" for line in office.log)


async def test_ctrl_c(office: Ground) -> None:
    """SIGINT stops it as SIGTERM does."""
    async with office.bot() as process:
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 12) == 0


async def test_stops_when_slack_hangs(office: Ground, sandbox: SandboxServer) -> None:
    """A Slack that does not answer any more delays the stop by no more than ten seconds."""
    async with office.bot() as process:
        await sandbox.connected()
        sandbox.faults.add(Fault("chat.postMessage", FaultKind.HANG, times=None))
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 12) == 0
        assert time.monotonic() - began < 10


async def test_second_run_on_one_sqlite(office: Ground) -> None:
    """Another run on the same SQLite file is refused, and the first goes on."""
    async with office.bot() as process:
        refused(await office.curfew("run"), "Another Curfew runs", "PostgreSQL")
        assert process.returncode is None
        assert (await office.readyz())[1]["database"] == {"ok": True}


async def test_wrong_bot_token(office: Ground) -> None:
    """A token that Slack does not know."""
    said = await office.curfew("run", SLACK_BOT_TOKEN="xoxb-wrong")
    refused(said, "does not accept the bot token", "invalid_auth")


async def test_words_that_cannot_be_said(office: Ground) -> None:
    """A broken template of the operator's is named with file and line, by `doctor` too."""
    templates = office.directory / "templates"
    templates.mkdir()
    (templates / "card.j2").write_text("{% block footer %}{{ grant.id|kode }}{% endblock %}")
    (templates / "kard.j2").write_text("")
    told = ("card.j2:1: No filter named 'kode'", "there is no template kard; did you mean card?")
    refused(await office.curfew("run", CURFEW_TEMPLATES="templates"), *told)
    refused(await office.curfew("run", CURFEW_TEMPLATES="nowhere"), "no directory nowhere")
    doctor = await office.curfew("doctor", CURFEW_TEMPLATES="templates")
    assert doctor.code == 1
    assert all(one in doctor.out for one in told)


async def test_words_of_the_operator(office: Ground, sandbox: SandboxServer) -> None:
    """The audit channel hears what the operator's template says."""
    olga = sandbox.person(OLGA)
    lines = office.directory / "templates/audit"
    lines.mkdir(parents=True)
    (lines / "bot.started.j2").write_text("{% block line %}Good morning{% endblock %}")
    async with office.bot(CURFEW_TEMPLATES="templates"):
        await olga.waits_for("Good morning", channel=AUDIT)


async def test_wrong_app_token(office: Ground) -> None:
    """A wrong app token is found at the start, not by sockets that never open."""
    said = await office.curfew("run", SLACK_APP_TOKEN="xapp-wrong")
    refused(said, "does not accept the app token", "connections:write")


async def test_missing_scope(office: Ground, sandbox: SandboxServer) -> None:
    """A scope that the app was not given is named."""
    sandbox.installation.scopes.discard("usergroups:read")
    refused(await office.curfew("run"), "usergroups:read", "reinstall")


async def test_bot_not_in_channel(office: Ground, sandbox: SandboxServer) -> None:
    """A channel that the bot is not in is named, with the line to type."""
    sandbox.workspace.channels[APPROVALS].members.remove(sandbox.installation.bot_user)
    refused(await office.curfew("run"), "#approvals", "/invite @curfew")


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"DATABASE_URL": "sqlite:////no/such/dir/curfew.db"}, ["/no/such/dir", "mkdir"]),
        ({"DATABASE_URL": "mysql://db/curfew"}, ["DATABASE_URL", "postgresql://"]),
        (
            {"DATABASE_URL": "postgresql://curfew:s3cret@127.0.0.1:1/curfew"},
            ["does not answer", "DATABASE_URL"],
        ),
        ({"CURFEW_POLICY": "nowhere.yml"}, ["nowhere.yml", "curfew check"]),
        ({"SLACK_BOT_TOKEN": ""}, ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"]),
        ({"SLACK_BOT_TOKEN": "xapp-1"}, ["SLACK_BOT_TOKEN", "xoxb-"]),
        ({"CURFEW_PORT": "http"}, ["CURFEW_PORT"]),
        ({"CURFEW_LOG_LEVEL": "LOUD"}, ["CURFEW_LOG_LEVEL"]),
        ({"CURFEW_AUDIT_KEY": "/proc/version"}, ["/proc/version"]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_wrong_settings(office: Ground, environ: dict[str, str], words: list[str]) -> None:
    """A setting that cannot work is one sentence with the way out, and no secret in it."""
    said = await office.curfew("run", **environ)
    refused(said, *words)
    assert "s3cret" not in said.err


async def test_port_in_use(office: Ground) -> None:
    """A port that somebody has."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(await office.curfew("run", CURFEW_PORT=str(port)), str(port), "CURFEW_PORT")


async def test_bad_policy(office: Ground) -> None:
    """A policy with problems keeps it from starting, and says where they are told."""
    text = office.policy.read_text().replace("approvals: 2 ", "approvals: two ")
    office.policy.write_text(text)
    refused(await office.curfew("run"), "policy.yml", "curfew check")


async def test_no_audit_channel(office: Ground) -> None:
    """Nothing is granted without one: the policy is in error, and it does not start."""
    text = office.policy.read_text().replace("audit: C0AUDIT", "")
    office.policy.write_text(text)
    refused(await office.curfew("run"), "a problem in line 5: The key “audit” is missing.")


async def test_settings_from_a_file(office: Ground, tmp_path: Path) -> None:
    """A secret may lie in a file, and all the rest in `.env`."""
    token = tmp_path / "token"
    token.write_text(office.environ.pop("SLACK_BOT_TOKEN") + "\n")
    lines = [
        f"{name}={office.environ.pop(name)}" for name in list(office.environ) if "SLACK" in name
    ]
    (tmp_path / ".env").write_text("\n".join([*lines, f"SLACK_BOT_TOKEN_FILE={token}"]))
    async with office.bot(), asyncio.timeout(10):
        while (await office.readyz())[0] != 200:  # noqa: ASYNC110 - sockets have no bell
            await asyncio.sleep(0.05)


async def test_slack_away_at_the_start(office: Ground, sandbox: SandboxServer) -> None:
    """Slack being away keeps nobody from starting; /readyz says it."""
    sandbox.faults.add(Fault("*", FaultKind.STATUS, times=None, status=503))
    async with office.bot():
        status, checks = await office.readyz()
        assert status == 503
        assert checks["database"] == {"ok": True}
        assert "Slack" in str(checks["slack"]["says"])


async def test_http_mode(office: Ground, sandbox: SandboxServer) -> None:
    """With a signing secret in place of the app token Slack is served over HTTP."""
    del office.environ["SLACK_APP_TOKEN"]
    async with office.bot(SLACK_SIGNING_SECRET=sandbox.signing_secret):
        sandbox.delivery.request_url = f"{office.url}/slack/events"
        said = await sandbox.person("U0DANA").command("/access help")
        assert "/access prod-db" in text_of(said["response"])
        assert (await office.readyz())[0] == 200


async def test_both_ways_to_slack(office: Ground, sandbox: SandboxServer) -> None:
    """With an app token and a signing secret it is Socket Mode, and that is said."""
    async with office.bot(SLACK_SIGNING_SECRET=sandbox.signing_secret):
        await sandbox.connected()
        assert any("Socket Mode is used" in line for line in office.log)


async def test_starts_for_what_must_end(office: Ground, sandbox: SandboxServer) -> None:
    """While somebody has access a bot whose token was revoked starts all the same, and ends it."""
    async with office.bot() as process:
        grant = await get_access(office, sandbox, "/access prod-db 6s look at the stuck orders")
        process.kill()
        await process.wait()
    async with office.bot(SLACK_BOT_TOKEN="xoxb-revoked"):
        await office.until(lambda: f"curfew_{grant}" not in office.logins())
        status, checks = await office.readyz()
        assert status == 503
        assert "does not accept the bot token" in str(checks["slack"]["says"])
    refused(await office.curfew("run", SLACK_BOT_TOKEN="xoxb-revoked"), "bot token")


async def test_two_replicas_on_postgresql(
    office: Ground, sandbox: SandboxServer, postgres_url: str
) -> None:
    """On PostgreSQL two bots run at once, and a command beside them hands over."""
    office.environ["DATABASE_URL"] = postgres_url
    async with office.bot():
        async with office.bot():
            await sandbox.connected(connections=4)
            assert (await office.readyz())[0] == 200
            grant = await get_access(office, sandbox)
            said = await office.curfew("revoke", grant, "--reason", "over")
            assert (said.code, "Handed over" in said.err) == (0, True), said
            assert f"curfew_{grant}" not in office.logins()
        assert (await office.curfew("audit", "verify")).code == 0
    said = await office.curfew("grants", "show", grant)
    assert said.out.count("grant.ended") == 1
