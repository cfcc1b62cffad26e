"""The webhook adapter keeps every promise of the contract, and speaks as its page says."""

import base64
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from aiohttp import ClientSession, web
from openapi_spec_validator import validate
from pydantic import ValidationError

from adapters import _json_protocol as protocol
from adapters._json_adapter import JsonParams
from adapters._webhook_signature import signed
from adapters.base import (
    Caps,
    Credential,
    Order,
    PendingError,
    RefusedError,
    UnreachableError,
)
from adapters.conformance import Conformance, Ground
from adapters.webhook import WebhookAdapter, WebhookSettings
from tests.conformance.webhook_ground import EVERYTHING, KEY, SECRET, WebhookGround, settings

PAGES = Path(__file__).parents[2] / "docs" / "adapters"


class TestEverything(Conformance):
    shared = False

    @pytest.fixture
    async def ground(self) -> AsyncIterator[WebhookGround]:
        made = WebhookGround(shared=self.shared)
        await made.open()
        yield made
        await made.close()


class TestShared(TestEverything):
    shared = True


# --- the service of the page ----------------------------------------------------------------------


class PageGround(Ground):
    """The service of thirty lines, looked into by signed calls of our own."""

    def __init__(self, url: str) -> None:
        self.url = url

    def connect(self, call_limit: float = 10.0) -> WebhookAdapter:
        can = ("per_grant", "lists_owned")
        return WebhookAdapter("keys", settings(self.url, *can), call_limit=call_limit)

    def block(self, number: int = 0) -> Mapping[str, object]:
        return {"access": {"level": ("read", "write")[number]}}

    async def ask(self, verb: str, **more: object) -> dict[str, object]:
        body = protocol.encoded({"verb": verb, **more})
        async with (
            ClientSession() as session,
            session.post(f"{self.url}/{verb}", data=body, headers=signed(KEY, body)) as answer,
        ):
            found: dict[str, object] = await answer.json(content_type=None)
            return found

    async def inventory(self) -> frozenset[str]:
        owned = await self.ask("owned")
        grants = owned["grants"]
        assert isinstance(grants, list)
        return frozenset(grants)

    async def admits(self, order: Order, credential: Credential | None) -> bool:
        assert credential is None
        return order.grant_id in await self.inventory()

    async def hold(self, order: Order) -> None:
        await self.ask("grant", grant_id="byhandbyhand", access=order.params["access"])

    async def release(self, order: Order) -> None:
        assert order.params
        await self.ask("revoke", grant_id="byhandbyhand")

    async def take_away(self, order: Order) -> None:
        await self.ask("revoke", grant_id=order.grant_id)


@pytest.fixture(scope="module")
def page_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    text = (PAGES / "webhook.md").read_text()
    place = tmp_path_factory.mktemp("page") / "keys_service.py"
    place.write_text(text.partition("```python\n")[2].partition("```")[0])
    assert len(place.read_text().splitlines()) < 45
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"KEYS_WEBHOOK_SECRET": SECRET, "PORT": str(port), "PATH": os.environ["PATH"]}
    with subprocess.Popen([sys.executable, str(place)], env=environment) as running:  # noqa: S603 - our own page
        while running.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
        running.kill()


class TestPage(Conformance):
    @pytest.fixture
    def ground(self, page_url: str) -> PageGround:
        return PageGround(page_url)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": ""},
        {"webhook-timestamp": str(int(time.time()) - 600)},
        {"webhook-id": "msg_other"},
    ],
)
async def test_the_page_s_service_refuses_what_is_not_signed(
    page_url: str, change: dict[str, str]
) -> None:
    """Another id, another time, another signature or an old one: 401."""
    body = protocol.encoded({"verb": "owned"})
    headers = {**signed(KEY, body), **change}
    async with (
        ClientSession() as session,
        session.post(f"{page_url}/owned", data=body, headers=headers) as answer,
    ):
        assert answer.status == 401


# --- answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected", "said"),
    [
        (200, {}, b"not json", UnreachableError, "an answer that is none"),
        (200, {}, b'{"presence": "perhaps"}', UnreachableError, "presence"),
        (200, {}, b"x" * 70_000, UnreachableError, "too long"),
        (202, {"retry-after": "7"}, b"", PendingError, "took it on"),
        (302, {"location": "http://127.0.0.1:1/"}, b"", RefusedError, "302"),
        (409, {}, b'{"error": "No such\\u0007 team."}', RefusedError, "No such team."),
        (429, {"retry-after": "9"}, b"", UnreachableError, "429"),
        (500, {"retry-after": "soon"}, b"<html>", UnreachableError, "500"),
    ],
)
async def test_what_an_answer_means(
    status: int,
    headers: dict[str, str],
    body: bytes,
    expected: type[Exception],
    said: str,
) -> None:
    """The status says who must act; what the service says is shown without control characters."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, headers=headers, body=body)

    ground = WebhookGround(shared=False)
    ground.service.answer = answer  # type: ignore[method-assign] # another service, not ours
    await ground.open()
    adapter = ground.connect()
    with pytest.raises(expected, match=said) as caught:
        await adapter.verify(ground.order())
    if wait := headers.get("retry-after"):
        assert caught.value.retry_after == (float(wait) if wait.isdigit() else None)  # type: ignore[attr-defined] # those that wait
    await adapter.aclose()
    await ground.close()


def test_only_what_is_promised_is_claimed() -> None:
    """Capabilities and the look-up of people follow `can`."""
    url = "https://keys.example.com/x"
    least = WebhookAdapter("keys", settings(url))
    most = WebhookAdapter("keys", settings(url, *EVERYTHING))

    assert (least.capabilities, least.knows_people) == (Caps.NONE, False)
    assert (most.capabilities, most.knows_people) == (WebhookAdapter.capabilities, True)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"url": "http://keys.example.com"}, "https://"),
        ({"url": "https://a:b@keys.example.com"}, "name and password"),
        ({"url": "https://keys.example.com/?a=1"}, "behind"),
        ({"secret": "letmein"}, "whsec_"),
        ({"secret": f"whsec_{base64.b64encode(b'short').decode()}"}, "24 to 64"),
        ({"can": ["fly"]}, "per_grant"),
    ],
)
def test_wrong_settings_say_what_is_right(wrong: dict[str, object], said: str) -> None:
    """Each is refused with the form that is expected; no secret stands in the message."""
    given = {"url": "https://keys.example.com/x", "secret": SECRET, **wrong}
    with pytest.raises(ValidationError, match=said) as caught:
        WebhookSettings.model_validate(given)
    assert "letmein" not in str(caught.value)


# --- the pages ------------------------------------------------------------------------------------


def test_the_description_is_as_the_code() -> None:
    """The OpenAPI file is valid, has every verb, and its answers have the fields of the code."""
    described = yaml.safe_load((PAGES / "webhook.openapi.yml").read_text())
    validate(described)
    schemas = described["components"]["schemas"]
    shapes = [protocol.Missing, protocol.Counterpart, protocol.Found, protocol.Owned]
    for shape in (*shapes, protocol.Issued, protocol.Sessions):
        assert set(schemas[shape.__name__]["properties"]) == set(shape.model_fields)
    order = WebhookGround(shared=False).order()
    sent = protocol.order_json(order)
    assert set(schemas["Order"]["properties"]) == {*sent, "verb"}
    assert set(schemas["Order"]["required"]) == {*sent, "verb"}
    verbs = {"probe", "counterpart", "grant", "revoke", "verify", "issue", "owned", "sessions"}
    assert {path.removeprefix("/") for path in described["paths"]} == verbs


def test_the_page_s_policy_is_valid() -> None:
    """What people copy passes the schema."""
    page = yaml.safe_load(
        (PAGES / "webhook.md").read_text().partition("```yaml\n")[2].partition("```")[0]
    )
    given = {**page["providers"]["keys"], "secret": SECRET}
    assert given.pop("adapter") == "webhook"
    assert set(given) == set(WebhookSettings.model_fields)
    WebhookSettings.model_validate(given)
    JsonParams.model_validate(page["resources"]["build-farm"]["grant"])


async def test_a_closed_adapter_opens_again(page_url: str) -> None:
    """Closing is no end: the next call connects anew."""
    adapter = PageGround(page_url).connect()
    await adapter.probe()
    await adapter.aclose()
    assert await adapter.probe() == []
    await adapter.aclose()
