"""The server's own life, the test driver, the clock, manifests, and `python -m sandbox`."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import time
from typing import TYPE_CHECKING

import aiohttp
import pytest
import yaml

from sandbox import (
    Json,
    ManifestError,
    RefusedActError,
    SandboxServer,
    Workspace,
    buttons_of,
    parse_manifest,
    read_manifest,
    text_of,
)
from sandbox.__main__ import main
from sandbox.clock import Clock
from sandbox.manifest import EXAMPLE
from sandbox.records import Channel, User
from sandbox.seed import APPROVALS, DANA, MAYA
from tests.sandbox.kit import BoltApp, actions, field, modal, section

if TYPE_CHECKING:
    from pathlib import Path

    from slack_sdk.web.async_client import AsyncWebClient


async def test_a_workspace_of_ones_own() -> None:
    """A seed of one's own replaces the people and channels, and comes back at reset."""

    def seed(workspace: Workspace) -> None:
        workspace.add_user(User("U0ANN", "ann", "Ann", workspace.team_id))
        workspace.add_channel(Channel("C0ROOM", "room", members=["U0ANN"]))

    async with SandboxServer(Workspace(seed)) as sandbox:
        ann = sandbox.person("U0ANN")
        await ann.say("hello", channel="#room")
        assert [text_of(message) for message in ann.sees("room")] == ["hello"]
        sandbox.reset()
        assert ann.sees("room") == []
        assert set(sandbox.workspace.users) == {"U0ANN", "USLACKBOT", sandbox.workspace.bot}


async def test_stopping_twice_and_starting_again() -> None:
    """Stop may be repeated; the port is free afterwards."""
    first = SandboxServer()
    await first.start()
    port = int(first.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        await SandboxServer(port=port).start()
    await first.stop()
    await first.stop()
    async with SandboxServer(port=port) as second:
        assert second.url == first.url


async def test_the_page_is_served(http: aiohttp.ClientSession) -> None:
    """`/` is the page, its files lie under /static/ and nothing outside of them."""
    async with http.get("/") as answer:
        assert answer.content_type == "text/html"
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        scripts = re.findall(r'src="(/static/[^"]+\.js)"', await answer.text())
    assert scripts
    async with http.get(scripts[0]) as answer:
        assert "javascript" in answer.content_type
    async with http.get("/static/%2e%2e/server.py") as answer:
        assert answer.status in (403, 404)


# --- the test driver ------------------------------------------------------------------------------


async def test_until_waits_for_what_happens(sandbox: SandboxServer, client: AsyncWebClient) -> None:
    """It returns with the news, sees what lies outside, and gives up in time."""
    maya = sandbox.person(MAYA)
    waiting = asyncio.create_task(maya.waits_for("soon"))
    await client.chat_postMessage(channel=APPROVALS, text="soon")
    assert text_of(await waiting) == "soon"
    outside: list[int] = []
    asyncio.get_running_loop().call_later(0.01, outside.append, 1)
    await sandbox.until(lambda: outside)
    with pytest.raises(TimeoutError):
        await sandbox.until(lambda: False, within=0.05)


async def test_the_driver_says_what_is_there_instead(
    sandbox: SandboxServer, client: AsyncWebClient
) -> None:
    """A button, field or form that is not there is named, with what there is."""
    maya = sandbox.person(MAYA)
    with pytest.raises(RefusedActError, match="Nothing here is called Approve"):
        await maya.click("Approve")
    with pytest.raises(RefusedActError, match="no open form"):
        await maya.submit()
    with pytest.raises(RefusedActError, match="no open form"):
        await maya.close()
    await client.chat_postMessage(channel=APPROVALS, text="x", blocks=[actions()])
    (card,) = maya.sees(APPROVALS)
    assert buttons_of(card) == ["Approve"]
    with pytest.raises(RefusedActError, match=r'there is \["Approve"\]'):
        await maya.click("Deny", message=card)
    trigger = sandbox.workspace.views.new_trigger(MAYA)
    await client.views_open(trigger_id=trigger, view=modal(field()))
    assert "Reason" in text_of(await maya.waits_for_modal("Reason"))
    with pytest.raises(RefusedActError, match="no field Colour"):
        await maya.submit({"Colour": "red"})


def test_text_of_reads_what_a_reader_reads() -> None:
    """Top-level text, blocks and fields; not metadata, ids or confirm dialogs."""
    message: Json = {
        "text": "fallback",
        "blocks": [
            section("first"),
            {"type": "section", "fields": [{"type": "mrkdwn", "text": "second"}]},
        ],
        "metadata": {"event_type": "x", "event_payload": {"text": "hidden"}},
    }
    assert text_of(message) == "fallback\nfirst\nsecond"


# --- time -----------------------------------------------------------------------------------------


async def test_time_can_be_moved() -> None:
    """Sleepers wake when the clock passes their moment, work is cut off when its time is up."""
    clock = Clock()
    began = time.monotonic()
    sleeping = asyncio.create_task(clock.sleep(3600))
    await asyncio.sleep(0)
    clock.advance(3599)
    await asyncio.sleep(0.01)
    assert not sleeping.done()
    clock.advance(1)
    await sleeping
    assert await clock.within(asyncio.sleep(0, "done"), 1) == "done"
    hanging = asyncio.create_task(clock.within(asyncio.Event().wait(), 3))
    await asyncio.sleep(0.01)
    clock.advance(3)
    with pytest.raises(TimeoutError):
        await hanging
    assert time.monotonic() - began < 2
    with pytest.raises(ValueError, match="ahead only"):
        clock.advance(-1)


# --- manifests ------------------------------------------------------------------------------------


def test_a_manifest_is_read_from_a_file(tmp_path: Path) -> None:
    """YAML and JSON say the same."""
    path = tmp_path / "manifest.yml"
    path.write_text(yaml.safe_dump(EXAMPLE))
    manifest = read_manifest(path)
    assert manifest == parse_manifest(EXAMPLE)
    assert manifest.command("/access") is not None
    assert manifest.command("/nothing") is None
    assert manifest.hears("message.im")
    assert not manifest.hears("message.channels")


def test_all_problems_of_a_manifest_are_named() -> None:
    """Unknown scopes and events, a command without its scope, a name too long: a line each."""
    with pytest.raises(ManifestError) as caught:
        parse_manifest(
            {
                "display_information": {"name": "x"},
                "features": {"slash_commands": [{"command": "/a", "description": "b"}]},
                "oauth_config": {"scopes": {"bot": ["chat:writes"]}},
                "settings": {"event_subscriptions": {"bot_events": ["messages.im"]}},
            }
        )
    assert str(caught.value).splitlines() == [
        "unknown scope chat:writes",
        "unknown event messages.im",
        "slash commands need the scope commands",
    ]
    with pytest.raises(ManifestError, match="display_information"):
        parse_manifest({"display_information": {"name": "x" * 36}})
    with pytest.raises(ManifestError, match="command"):
        parse_manifest(
            {
                "display_information": {"name": "x"},
                "features": {"slash_commands": [{"command": "access", "description": "b"}]},
            }
        )


# --- alone ----------------------------------------------------------------------------------------


async def test_it_runs_alone() -> None:
    """`python -m sandbox` prints URL and tokens that work, and ends on a signal."""
    command = (sys.executable, "-m", "sandbox", "--port", "0")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe)
    assert process.stdout is not None
    printed: dict[str, str] = {}
    async with asyncio.timeout(20):
        while "Ctrl-C" not in (line := (await process.stdout.readline()).decode()):
            name, _, value = line.strip().partition("=")
            printed[name] = value
    headers = {"Authorization": f"Bearer {printed['SLACK_BOT_TOKEN']}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{printed['SLACK_API_URL']}auth.test", headers=headers) as answer,
    ):
        assert (await answer.json())["ok"]
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    await process.communicate()


def test_what_it_cannot_run_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing or wrong manifest: one line, exit code 2."""
    wrong = tmp_path / "wrong.yml"
    wrong.write_text("display_information: {}")
    broken = tmp_path / "broken.yml"
    broken.write_text("{")
    for path in (wrong, broken, tmp_path / "absent.yml"):
        monkeypatch.setattr(sys, "argv", ["sandbox", "--manifest", str(path)])
        assert main() == 2
        assert capsys.readouterr().err.startswith("sandbox: the manifest cannot be used")


async def test_a_taken_port_is_said(sandbox: SandboxServer) -> None:
    """A port in use: one line with the way out, exit code 2."""
    command = (sys.executable, "-m", "sandbox", "--port", sandbox.url.rpartition(":")[2])
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    _, complaint = await process.communicate()
    assert process.returncode == 2
    assert b"--port 0" in complaint


async def test_bolt_without_the_early_ack(sandbox: SandboxServer) -> None:
    """Bolt's default settings work as well: its ack comes by polling."""
    bolt = BoltApp(sandbox, before_response=False)

    @bolt.app.command("/access")
    async def answer(ack) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001 - Bolt reads names
        await ack("polled")

    await bolt.connect()
    answered = await sandbox.person(DANA).command("/access x")
    assert answered["response"]["text"] == "polled"
    await bolt.close()
