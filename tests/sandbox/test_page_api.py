"""What the page uses: looking, listening, acting, and the fence around it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.seed import APPROVALS, AUDIT, DANA, DORIS, GARY, GENERAL, MAYA, STELLA
from tests.sandbox.kit import actions, button, field, get, modal, post, section

if TYPE_CHECKING:
    import aiohttp
    from slack_bolt.context.ack.async_ack import AsyncAck
    from slack_sdk.web.async_client import AsyncWebClient

    from sandbox import SandboxServer
    from tests.sandbox.kit import BoltApp

Json = dict[str, Any]


async def test_bootstrap_has_what_stands_still(http: aiohttp.ClientSession) -> None:
    """Team, app with its commands, people with their badges, channels, groups, notes."""
    start = await get(http, "bootstrap")
    assert start["app"]["commands"][0]["command"] == "/access"
    people = {user["id"]: user for user in start["users"]}
    assert people[DANA]["avatar"]["letter"] == "D"
    assert people[STELLA]["is_stranger"]
    assert people[GARY]["is_restricted"]
    assert people[DORIS]["deleted"]
    assert {channel["name"] for channel in start["channels"]} == {
        "general",
        "approvals",
        "audit",
        "outsiders",
    }
    assert start["usergroups"][0]["handle"] == "dba"
    assert start["notes"] == []


async def test_the_inbox_counts_what_is_new(
    http: aiohttp.ClientSession, client: AsyncWebClient
) -> None:
    """Unread messages are counted for each person until they are marked read."""

    async def unread(user: str) -> dict[str, int]:
        listed = (await get(http, "inbox", **{"as": user}))["channels"]
        return {entry["id"]: entry["unread"] for entry in listed}

    posted = await client.chat_postMessage(channel=DANA, text="hello")
    assert (await unread(DANA))["D0DANA"] == 1
    done = await post(http, "read", **{"as": DANA}, channel="D0DANA", ts=posted["ts"])
    assert done["ok"]
    assert (await unread(DANA))["D0DANA"] == 0
    assert "D0DANA" not in await unread(MAYA)
    assert AUDIT not in await unread(GARY)
    assert not any(channel.startswith("D") for channel in await unread(STELLA))


async def test_messages_by_pages_and_threads(
    http: aiohttp.ClientSession, client: AsyncWebClient
) -> None:
    """The newest come first by page, in order of time; `before` leads back."""
    for number in range(3):
        await client.chat_postMessage(channel=APPROVALS, text=f"m{number}")
    query = {"as": MAYA, "channel": APPROVALS, "limit": "2"}
    page = await get(http, "messages", **query)
    assert [message["text"] for message in page["messages"]] == ["m1", "m2"]
    assert page["has_more"]
    rest = await get(http, "messages", **query, before=page["messages"][0]["ts"])
    assert [message["text"] for message in rest["messages"]] == ["m0"]
    assert not rest["has_more"]
    parent = rest["messages"][0]["ts"]
    await client.chat_postMessage(channel=APPROVALS, text="reply", thread_ts=parent)
    thread = await get(http, "messages", **query, thread_ts=parent)
    assert [message["text"] for message in thread["messages"]] == ["m0", "reply"]


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("inbox", {"as": "U0NOBODY"}, "user_not_found"),
        ("messages", {"as": GARY, "channel": AUDIT}, "channel_not_found"),
        ("messages", {"as": MAYA, "channel": "D0DANA"}, "channel_not_found"),
        ("messages", {"as": MAYA, "channel": APPROVALS, "limit": "x"}, "invalid_arguments"),
        ("traffic", {"since": "x"}, "invalid_arguments"),
    ],
)
async def test_what_a_person_cannot_see(
    http: aiohttp.ClientSession, path: str, query: dict[str, str], code: str
) -> None:
    """A refusal is 400 with a code and a sentence."""
    async with http.get(f"/sandbox/{path}", params=query) as answer:
        body = await answer.json()
        assert (answer.status, body["ok"], body["error"]) == (400, False, code)
        assert body["message"].endswith(".")


class Stream:
    """A person's server-sent events."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self.last_id = 0

    async def next(self, kind: str) -> Json:
        """The next event of this type; others are skipped."""
        async with asyncio.timeout(3):
            while True:
                line = (await self._answer.content.readline()).decode().rstrip("\n")
                if line.startswith("id: "):
                    self.last_id = int(line[4:])
                if line.startswith("data: "):
                    event: Json = json.loads(line[6:])
                    if event["type"] == kind:
                        return event


Follow = Callable[..., Awaitable[Stream]]


@pytest.fixture
async def follow(http: aiohttp.ClientSession) -> AsyncIterator[Follow]:
    """Opens streams, and closes them after the test."""
    answers: list[aiohttp.ClientResponse] = []

    async def open_stream(user: str, last_id: int | None = None) -> Stream:
        headers = {} if last_id is None else {"Last-Event-ID": str(last_id)}
        answer = await http.get("/sandbox/events", params={"as": user}, headers=headers)
        answers.append(answer)
        assert answer.content_type == "text/event-stream"
        return Stream(answer)

    yield open_stream
    for answer in answers:
        answer.close()


async def test_news_are_for_those_concerned(
    sandbox: SandboxServer, follow: Follow, client: AsyncWebClient
) -> None:
    """Messages go to members, ephemeral ones and forms to their person alone."""
    dana, maya = await follow(DANA), await follow(MAYA)
    await client.chat_postEphemeral(channel=APPROVALS, user=DANA, text="psst")
    posted = await client.chat_postMessage(channel=APPROVALS, text="card", blocks=[actions()])
    assert (await dana.next("ephemeral"))["text"] == "psst"
    assert (await maya.next("message"))["text"] == "card"
    await client.chat_update(channel=APPROVALS, ts=posted["ts"], text="done")
    changed = await maya.next("message_changed")
    assert (changed["text"], changed["blocks"], changed["channel"]) == ("done", [], APPROVALS)
    await client.chat_delete(channel=APPROVALS, ts=posted["ts"])
    assert (await maya.next("message_deleted"))["ts"] == posted["ts"]
    trigger = sandbox.workspace.views.new_trigger(DANA)
    opened = await client.views_open(trigger_id=trigger, view=modal())
    assert (await dana.next("view_opened"))["view"]["id"] == opened["view"]["id"]
    sandbox.advance(1)
    assert (await maya.next("clock"))["now"] > 0


async def test_a_stream_resumes(
    follow: Follow, client: AsyncWebClient, sandbox: SandboxServer
) -> None:
    """Last-Event-ID brings what was missed; a number from before the memory says start anew."""
    before = sandbox.workspace.feed.last_id
    await client.chat_postMessage(channel=APPROVALS, text="missed")
    resumed = await follow(MAYA, before)
    assert (await resumed.next("message"))["text"] == "missed"
    stranger = await follow(STELLA, before)
    await client.chat_postMessage(channel="C0OUTSIDE", text="for all here")
    assert (await stranger.next("message"))["text"] == "for all here"
    anew = await follow(MAYA, 10**9)
    assert (await anew.next("reset")) == {"type": "reset"}


def _listen(bolt: BoltApp) -> None:
    """Have the app answer a command with a card and a click with a form."""

    @bolt.app.command("/access")
    async def ask(ack: AsyncAck, client: AsyncWebClient) -> None:
        await ack("asked")
        card = [section("card"), actions(button(), block_id="b")]
        await client.chat_postMessage(channel=APPROVALS, text="card", blocks=card)

    @bolt.app.action("approve")
    async def approve(ack: AsyncAck, body: Json, client: AsyncWebClient) -> None:
        await client.views_open(
            trigger_id=body["trigger_id"], view=modal(field(), notify_on_close=True)
        )
        await ack()

    @bolt.app.view_closed("form")
    async def closed(ack: AsyncAck) -> None:
        await ack()

    @bolt.app.event("app_home_opened")
    async def opened() -> None:
        pass

    @bolt.app.event("message")
    async def said() -> None:
        pass


async def test_the_whole_story_over_http(
    sandbox: SandboxServer, http: aiohttp.ClientSession, bolt: BoltApp
) -> None:
    """Command, click, form with errors, close, home: each by its own request."""
    _listen(bolt)
    await bolt.connect()
    who = {"as": DANA}
    done = await post(http, "act/command", **who, channel=GENERAL, text="/access x")
    assert (done["ok"], done["response"]["text"]) == (True, "asked")
    await sandbox.person(MAYA).waits_for("card")
    (card,) = (await get(http, "messages", **who, channel=APPROVALS))["messages"]
    click = {"channel": APPROVALS, "message_ts": card["ts"]}
    click |= {"block_id": "b", "action_id": "approve"}
    assert (await post(http, "act/click", **who, **click))["ok"]
    (view,) = (await get(http, "views", **who))["stack"]
    done = await post(http, "act/submit", **who, view_id=view["id"], values={})
    assert done["errors"] == {"reason": "Please complete this required field."}
    assert (await post(http, "act/close", **who, view_id=view["id"]))["ok"]
    assert (await get(http, "views", **who))["stack"] == []
    assert (await post(http, "act/home", **who))["ok"]
    assert (await get(http, "home", **who)) == {"view": None}
    done = await post(
        http, "act/message", **who, channel=APPROVALS, text="a < b", thread_ts=card["ts"]
    )
    assert done["message"]["text"] == "a &lt; b"
    kinds = [e["kind"] for e in (await get(http, "traffic", since="0"))["entries"]]
    assert {"call", "delivery", "socket"} <= set(kinds)


@pytest.mark.parametrize(
    ("verb", "body", "code"),
    [
        ("command", {"as": DANA, "channel": GENERAL}, "invalid_arguments"),
        ("command", {"channel": GENERAL, "text": "/access"}, "invalid_arguments"),
        ("command", {"as": DORIS, "channel": GENERAL, "text": "/access"}, "user_cannot_act"),
        ("message", {"as": DANA, "channel": GENERAL, "text": " "}, "no_text"),
        (
            "message",
            {"as": DANA, "channel": GENERAL, "text": "x", "thread_ts": "1.1"},
            "thread_not_found",
        ),
        ("click", {"as": DANA, "channel": GENERAL, "message_ts": "1.1"}, "message_not_found"),
        ("click", {"as": DANA, "view_id": "V0NONE"}, "view_not_found"),
        ("submit", {"as": DANA, "view_id": "V0NONE"}, "view_not_found"),
        ("dance", {"as": DANA}, "unknown_act"),
    ],
)
async def test_acts_that_are_impossible(
    http: aiohttp.ClientSession, verb: str, body: Json, code: str
) -> None:
    """What nobody could do in Slack is 400 with a code."""
    async with http.post(f"/sandbox/act/{verb}", json=body) as answer:
        assert (answer.status, (await answer.json())["error"]) == (400, code)


async def test_foreign_pages_are_kept_out(http: aiohttp.ClientSession) -> None:
    """Another origin, another host name, a form instead of JSON: none of them can act."""
    attempts = [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "sandbox.evil.example"}, 403),
        ({"Content-Type": "text/plain"}, 400),
    ]
    body = json.dumps({"as": DANA, "channel": GENERAL, "text": "x"})
    for headers, status in attempts:
        sent = {"Content-Type": "application/json", **headers}
        async with http.post("/sandbox/act/message", data=body, headers=sent) as answer:
            assert answer.status == status
    assert (await get(http, "messages", **{"as": DANA}, channel=GENERAL))["messages"] == []
    async with http.get(
        "/sandbox/bootstrap", headers={"Origin": str(http._base_url).rstrip("/")}
    ) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")


@pytest.mark.parametrize("body", ["{", "[]", "3"])
async def test_bodies_that_are_no_objects(http: aiohttp.ClientSession, body: str) -> None:
    """Broken JSON is 400, never 500."""
    headers = {"Content-Type": "application/json"}
    async with http.post("/sandbox/seed", data=body, headers=headers) as answer:
        assert (answer.status, (await answer.json())["error"]) == (400, "invalid_json")
