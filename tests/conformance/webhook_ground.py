"""A company's own service: the demo provider's world behind signed HTTP, and the page's service."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime

from aiohttp import web

from adapters.base import AdapterError, Order, PendingError, Person, RefusedError
from adapters.conformance import Weather
from adapters.demo import DemoAdapter
from adapters.webhook import WebhookAdapter, WebhookSettings
from tests.conformance.demo_ground import DemoGround

KEY = b"a key of thirty-two bytes, no less"[:32]
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
EVERYTHING = (
    "per_grant",
    "native_expiry",
    "ends_sessions",
    "issues_credentials",
    "lists_owned",
    "watches_sessions",
    "knows_people",
)


def settings(url: str, *can: str) -> WebhookSettings:
    return WebhookSettings.model_validate({"url": url, "secret": SECRET, "can": can})


STATUS = {Weather.CROWDED: 429, Weather.LOCKED: 401, Weather.FORBIDDEN: 403}


class Service:
    """The HTTP side. Checks the signature by itself, from the specification."""

    def __init__(self, ground: "WebhookGround") -> None:
        self.ground = ground
        self.calls: list[str] = []
        self.weather: Weather | None = None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if not _is_signed(request, body):
            return web.json_response({"error": "The signature does not fit."}, status=401)
        document = json.loads(body)
        assert request.path == f"/curfew/{document['verb']}"
        self.calls.append(document["verb"])
        if self.weather is Weather.SILENT:
            await asyncio.Event().wait()
        changes = document["verb"] in {"grant", "revoke"}
        if self.weather in STATUS and (changes or self.weather is not Weather.FORBIDDEN):
            return web.json_response({"error": "Not now."}, status=STATUS[self.weather])
        try:
            return web.json_response(await self._do(document))
        except AdapterError as error:
            return _no(error)

    async def _do(self, document: dict[str, object]) -> dict[str, object]:
        behind = self.ground.behind()
        if "grant_id" in document:
            return await ABOUT_ONE[str(document["verb"])](behind, _order(document))
        if document["verb"] == "owned":
            return {"grants": sorted(await behind.owned())}
        return {"missing": await behind.probe()}


async def _grant(behind: DemoAdapter, order: Order) -> dict[str, object]:
    await behind.grant(order)
    return {}


async def _revoke(behind: DemoAdapter, order: Order) -> dict[str, object]:
    await behind.revoke(order)
    return {}


async def _verify(behind: DemoAdapter, order: Order) -> dict[str, object]:
    return {"presence": await behind.verify(order), "more": "than is asked"}


async def _counterpart(behind: DemoAdapter, order: Order) -> dict[str, object]:
    return {"missing": await behind.counterpart(order)}


async def _issue(behind: DemoAdapter, order: Order) -> dict[str, object]:
    return {"snippets": [asdict(one) for one in (await behind.issue(order)).snippets]}


async def _sessions(behind: DemoAdapter, order: Order) -> dict[str, object]:
    found = await behind.sessions(order)
    return {"sessions": [{**asdict(one), "since": one.since.isoformat()} for one in found]}


ABOUT_ONE = {
    "grant": _grant,
    "revoke": _revoke,
    "verify": _verify,
    "counterpart": _counterpart,
    "issue": _issue,
    "sessions": _sessions,
}


def _is_signed(request: web.Request, body: bytes) -> bool:
    name, moment = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    said = b".".join([name.encode(), moment.encode(), body])
    given = base64.b64decode(request.headers["webhook-signature"].removeprefix("v1,"))
    is_now = abs(time.time() - int(moment)) < 30
    return hmac.compare_digest(hmac.digest(KEY, said, hashlib.sha256), given) and is_now


def _order(document: dict[str, object]) -> Order:
    person = document["person"]
    assert isinstance(person, dict)
    assert document["mark"] == f"curfew-{document['grant_id']}"
    return Order(
        grant_id=str(document["grant_id"]),
        resource=str(document["resource"]),
        params=document["access"],  # type: ignore[arg-type] # a mapping by the adapter's schema
        person=Person(**person),
        expires_at=datetime.fromisoformat(str(document["expires_at"])),
    )


def _no(error: AdapterError) -> web.Response:
    match error:
        case PendingError():
            headers = {"retry-after": "1"}
            return web.json_response({"error": str(error)}, status=202, headers=headers)
        case RefusedError():
            return web.json_response({"error": str(error)}, status=409)
        case _:
            return web.json_response({"error": str(error)}, status=503)


class WebhookGround(DemoGround):
    """The demo world, reached over the wire."""

    def __init__(self, *, shared: bool) -> None:
        super().__init__(shared=shared)
        self.service = Service(self)
        self.port = 0
        self._runner: web.AppRunner | None = None

    def behind(self) -> DemoAdapter:
        """What the service itself does its work with."""
        return DemoGround.connect(self)

    def connect(self, call_limit: float = 10.0) -> WebhookAdapter:  # type: ignore[override] # another adapter for the same world
        can = EVERYTHING[-1:] if self.shared else EVERYTHING
        return WebhookAdapter("keys", settings(self.url, *can), call_limit=call_limit)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/curfew"

    def block(self, number: int = 0) -> Mapping[str, object]:
        return {"access": super().block(number)}

    def level(self, order: Order) -> str:
        return str(order.params["access"]["level"])

    def secrets(self) -> tuple[str, ...]:
        return (SECRET, SECRET.removeprefix("whsec_"))

    async def open(self) -> None:
        app = web.Application()
        app.router.add_post("/{path:.*}", self.service.answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    @asynccontextmanager
    async def weather(self, kind: Weather) -> AsyncIterator[None]:
        if kind is Weather.DOWN:
            await self.close()
            yield
            await self.open()
            return
        self.service.weather = kind
        yield
        self.service.weather = None
