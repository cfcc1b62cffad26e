"""Tokens, scopes, the ways of sending arguments, rate limits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.seed import APPROVALS, DANA, DBA, GENERAL
from tests.sandbox.kit import section

if TYPE_CHECKING:
    import aiohttp

    from sandbox import SandboxServer


def headers(sandbox: SandboxServer) -> dict[str, str]:
    return {"Authorization": f"Bearer {sandbox.bot_token}"}


async def test_auth_test_names_the_app(client: AsyncWebClient, sandbox: SandboxServer) -> None:
    """It answers who the token is, and the header lists the scopes."""
    answer = await client.auth_test()
    assert answer["user_id"] == sandbox.workspace.bot
    assert answer["bot_id"].startswith("B")
    assert answer["team_id"] == sandbox.workspace.team_id
    listed = answer.headers["x-oauth-scopes"].split(",")
    assert set(listed) == sandbox.installation.scopes


@pytest.mark.parametrize(
    ("token", "code"),
    [(None, "not_authed"), ("xoxb-guess", "invalid_auth"), ("xapp", "not_allowed_token_type")],
)
async def test_wrong_tokens(sandbox: SandboxServer, token: str | None, code: str) -> None:
    """No token, a guessed one, the app-level one: each has its error."""
    given = sandbox.app_token if token == "xapp" else token
    client = AsyncWebClient(token=given, base_url=sandbox.api_url)
    with pytest.raises(SlackApiError) as caught:
        await client.auth_test()
    assert caught.value.response["error"] == code


async def test_a_revoked_token(sandbox: SandboxServer, client: AsyncWebClient) -> None:
    """A token that is revoked later answers with the reason, whatever is called."""
    sandbox.installation.revoked = "token_revoked"
    with pytest.raises(SlackApiError) as caught:
        await client.users_info(user=DANA)
    assert caught.value.response["error"] == "token_revoked"


async def test_connections_need_the_app_token(sandbox: SandboxServer) -> None:
    """apps.connections.open takes the app-level token alone, and POST alone."""
    client = AsyncWebClient(base_url=sandbox.api_url)
    with pytest.raises(SlackApiError) as caught:
        await client.apps_connections_open(app_token=sandbox.bot_token)
    assert caught.value.response["error"] == "not_allowed_token_type"
    answer = await client.apps_connections_open(app_token=sandbox.app_token)
    assert answer["url"].startswith("ws://127.0.0.1")


CALLS = {
    "chat.postMessage": ("chat:write", {"channel": APPROVALS, "text": "x"}),
    "users.info": ("users:read", {"user": DANA}),
    "users.lookupByEmail": ("users:read.email", {"email": "dana@example.com"}),
    "users.profile.get": ("users.profile:read", {"user": DANA}),
    "usergroups.users.list": ("usergroups:read", {"usergroup": DBA}),
    "conversations.info": ("channels:read", {"channel": GENERAL}),
    "conversations.history": ("channels:history", {"channel": APPROVALS}),
    "conversations.open": ("im:write", {"users": DANA}),
    "team.info": ("team:read", {}),
    "bots.info": ("users:read", {}),
    "reactions.add": ("reactions:write", {}),
}


@pytest.mark.parametrize("method", CALLS)
async def test_every_method_asks_for_its_scope(
    sandbox: SandboxServer, client: AsyncWebClient, method: str
) -> None:
    """Without the scope: missing_scope with what is needed and what is there."""
    scope, args = CALLS[method]
    sandbox.installation.scopes.discard(scope)
    with pytest.raises(SlackApiError) as caught:
        await client.api_call(method, params=args)
    answer = caught.value.response
    assert answer["error"] == "missing_scope"
    assert scope in answer["needed"].split(",")
    assert scope not in answer["provided"].split(",")


async def test_arguments_in_every_form(sandbox: SandboxServer, http: aiohttp.ClientSession) -> None:
    """Query, form and JSON body mean the same, blocks as a JSON string included."""
    blocks = json.dumps([section()])
    args = {"channel": APPROVALS, "text": "x", "blocks": blocks, "team_id": "T0SANDBOX"}
    path = "/api/chat.postMessage"
    sent = [
        await http.get(path, params=args, headers=headers(sandbox)),
        await http.post(path, params=args, headers=headers(sandbox)),
        await http.post(path, data=args, headers=headers(sandbox)),
        await http.post(path, json={**args, "blocks": [section()]}, headers=headers(sandbox)),
        await http.post(path, data={**args, "token": sandbox.bot_token}),
    ]
    answers = [await answer.json() for answer in sent]
    assert [answer["ok"] for answer in answers] == [True] * 5
    shapes = {json.dumps([b["text"] for b in a["message"]["blocks"]]) for a in answers}
    assert len(shapes) == 1


async def test_what_cannot_be_read(sandbox: SandboxServer, http: aiohttp.ClientSession) -> None:
    """Broken JSON, an unknown method, a number that is none: 200 and an error code."""
    as_json = {**headers(sandbox), "Content-Type": "application/json"}
    for path, body, code in (
        ("/api/auth.test", "{", "invalid_json"),
        ("/api/chat.shout", "{}", "unknown_method"),
        ("/api/users.list", '{"limit": "many"}', "invalid_arguments"),
        ("/api/users.list", '{"limit": 0}', "invalid_limit"),
        ("/api/users.list", '{"cursor": "?"}', "invalid_cursor"),
        (
            "/api/chat.postMessage",
            f'{{"channel": "{APPROVALS}", "blocks": "["}}',
            "invalid_arguments",
        ),
    ):
        answer = await http.post(path, data=body, headers=as_json)
        assert answer.status == 200
        assert answer.content_type == "application/json"
        assert (await answer.json())["error"] == code


async def test_a_token_in_the_query_is_none(
    sandbox: SandboxServer, http: aiohttp.ClientSession
) -> None:
    """Tokens travel in the header or the form, never in an address."""
    answer = await http.get("/api/auth.test", params={"token": sandbox.bot_token})
    assert (await answer.json())["error"] == "not_authed"


async def test_no_token_in_the_traffic_log(
    sandbox: SandboxServer, http: aiohttp.ClientSession
) -> None:
    """However it was sent, a token or a ticket never stands in the log."""
    await http.post("/api/auth.test", data={"token": sandbox.bot_token})
    await http.post(
        "/api/apps.connections.open", headers={"Authorization": f"Bearer {sandbox.app_token}"}
    )
    log = json.dumps(sandbox.traffic.since())
    assert sandbox.bot_token not in log
    assert sandbox.app_token not in log
    assert "ticket=" not in log


async def test_rate_limits_by_channel(sandbox: SandboxServer, client: AsyncWebClient) -> None:
    """Switched on, a channel takes a burst, then one message a second by the sandbox's clock."""
    sandbox.rate_limits.is_on = True
    for _ in range(sandbox.rate_limits.burst):
        await client.chat_postMessage(channel=APPROVALS, text="x")
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=APPROVALS, text="x")
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["Retry-After"] == "1"
    await client.chat_postMessage(channel=DANA, text="another channel")
    sandbox.advance(1.1)
    await client.chat_postMessage(channel=APPROVALS, text="x")


async def test_rate_limits_by_tier(sandbox: SandboxServer, client: AsyncWebClient) -> None:
    """usergroups.users.list lets twenty calls a minute through."""
    sandbox.rate_limits.is_on = True
    for _ in range(20):
        await client.usergroups_users_list(usergroup=DBA)
    with pytest.raises(SlackApiError) as caught:
        await client.usergroups_users_list(usergroup=DBA)
    assert caught.value.response["error"] == "ratelimited"
    sandbox.advance(3.1)
    await client.usergroups_users_list(usergroup=DBA)


async def test_api_test_echoes(client: AsyncWebClient) -> None:
    """api.test answers with what it got, or with the error that was asked for."""
    assert (await client.api_test(foo="bar"))["args"]["foo"] == "bar"
    with pytest.raises(SlackApiError) as caught:
        await client.api_test(error="my_error")
    assert caught.value.response["error"] == "my_error"
