"""The control API, for tests in any language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.seed import DANA, DBA, GENERAL, MAYA
from tests.sandbox.kit import get, post

if TYPE_CHECKING:
    import aiohttp
    from slack_bolt.context.ack.async_ack import AsyncAck
    from slack_sdk.web.async_client import AsyncWebClient

    from sandbox import SandboxServer
    from tests.sandbox.kit import BoltApp

Json = dict[str, Any]


async def test_seed_change_and_reset(
    sandbox: SandboxServer, http: aiohttp.ClientSession, client: AsyncWebClient
) -> None:
    """Records are added and changed by their fields; reset brings the first ones back."""
    seed = {
        "users": [{"id": "U0NEW", "name": "new", "email": "new@example.com"}],
        "channels": [{"id": "C0NEW", "name": "new", "members": ["U0NEW", sandbox.workspace.bot]}],
        "usergroups": [{"id": "S0NEW", "handle": "new", "name": "New", "users": ["U0NEW"]}],
    }
    assert (await post(http, "seed", **seed))["ok"]
    assert (await client.chat_postMessage(channel="C0NEW", text="x"))["ok"]
    async with http.patch("/sandbox/users/U0NEW", json={"deleted": True}) as answer:
        assert answer.status == 200
    assert (await client.usergroups_users_list(usergroup="S0NEW"))["users"] == []
    async with http.patch(f"/sandbox/usergroups/{DBA}", json={"users": [DANA]}) as answer:
        assert answer.status == 200
    async with http.patch("/sandbox/channels/C0NEW", json={"is_archived": True}) as answer:
        assert answer.status == 200
    exported = await get(http, "export")
    assert exported["messages"]["C0NEW"][0]["text"] == "x"
    await post(http, "faults", method="*", kind="error", always=True)
    assert (await post(http, "reset"))["ok"]
    assert "U0NEW" not in sandbox.workspace.users
    assert (await client.usergroups_users_list(usergroup=DBA))["users"] == [MAYA, "U0OMAR"]


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("PATCH", "users/U0NOBODY", {"deleted": True}, "not_found"),
        ("PATCH", f"users/{DANA}", {"is_gone": True}, "unknown_field"),
        ("PATCH", f"users/{DANA}", {"deleted": "perhaps"}, "invalid_arguments"),
        ("PATCH", f"users/{DANA}", {"id": "U0OTHER"}, "unknown_field"),
        ("POST", "seed", {"users": [{"name": "no id"}]}, "invalid_arguments"),
        ("POST", "faults", {"method": "*", "kind": "meteor"}, "invalid_arguments"),
        ("POST", "faults", {"method": "*", "kind": "error", "times": "x"}, "invalid_arguments"),
        ("POST", "clock", {"advance": -1}, "invalid_time"),
        ("POST", "links", {"act": "burn"}, "unknown_act"),
        ("POST", "deliver", {"redeliver": 99}, "no_such_delivery"),
        ("POST", "deliver", {"envelope": {}}, "invalid_envelope"),
    ],
)
async def test_control_says_what_is_wrong(
    http: aiohttp.ClientSession, method: str, path: str, body: Json, code: str
) -> None:
    """A wrong order changes nothing and gets 400 with a code and a sentence."""
    async with http.request(method, f"/sandbox/{path}", json=body) as answer:
        got = await answer.json()
        assert (answer.status, got["error"]) == (400, code)
        assert got["message"].endswith(".")


async def test_faults_time_links_and_the_app_by_http(
    sandbox: SandboxServer, http: aiohttp.ClientSession, client: AsyncWebClient, bolt: BoltApp
) -> None:
    """Everything that Python can turn, HTTP can turn."""

    @bolt.app.command("/access")
    async def answer(ack: AsyncAck) -> None:
        await ack()

    await bolt.connect()
    before = sandbox.workspace.clock.now()
    assert (await post(http, "clock", advance=1800))["now"] > before + 1799
    await post(http, "faults", method="auth.test", kind="error", error="account_inactive")
    assert (await (await http.post("/api/auth.test")).json())["error"] == "account_inactive"
    await post(http, "faults", method="auth.test", kind="drop", always=True)
    async with http.delete("/sandbox/faults") as cleared:
        assert cleared.status == 200
    assert (await client.auth_test())["ok"]
    scopes = {"scopes": ["chat:write"], "rate_limits": True, "burst": 1}
    async with http.patch("/sandbox/app", json=scopes) as patched:
        assert patched.status == 200
    assert sandbox.installation.scopes == {"chat:write"}
    assert (sandbox.rate_limits.is_on, sandbox.rate_limits.burst) == (True, 1)
    await post(http, "act/command", **{"as": DANA}, channel=GENERAL, text="/access x")
    (sent,) = sandbox.traffic.deliveries("slash_commands")
    again = await post(http, "deliver", redeliver=sent["n"], times=2)
    assert [ack["ok"] for ack in again["acks"]] == [True, True]
    forged = await post(http, "deliver", envelope=sent["envelope"])
    assert forged["acks"][0]["ok"]
    assert (await post(http, "links", act="refresh"))["cut"] == 1
