"""What every stand-in has: a server on loopback, a clock of its own, weather, and a journal."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import signal
import socket
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum, auto
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from types import TracebackType

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZabcdefghjkmnpqrstvwxyz"


class Storm(StrEnum):
    """What can be wrong with all of a provider."""

    DOWN = auto()  # connections are refused, open ones are cut
    SILENT = auto()  # requests are read and never answered
    CROWDED = auto()  # "too many", for now
    BROKEN = auto()  # an internal error, as a page that is no JSON
    CUT = auto()  # what was asked for is done, and the connection is cut before the answer


@dataclass(frozen=True, slots=True)
class Call:
    """One request that was answered."""

    method: str
    path: str
    status: int


class Answer(Exception):  # noqa: N818 - thrown to answer at once, right or wrong
    """Ends the handling of a request with this status and JSON body."""

    def __init__(
        self, status: int, body: object = None, headers: Mapping[str, str] | None = None
    ) -> None:
        """`body` None is an empty one."""
        super().__init__(status)
        self.status, self.body, self.headers = status, body, dict(headers or {})


class House(ABC):
    """A provider on loopback. Subclasses answer; here is what does not depend on what is asked."""

    def __init__(self, *, port: int = 0) -> None:
        """Port 0 takes a free one."""
        self.moved = timedelta(0)
        self.calls: list[Call] = []
        self._port = port
        self._storm: Storm | None = None
        self._runner: web.AppRunner | None = None

    # --- what a subclass says -----------------------------------------------------------------

    @abstractmethod
    async def answer(self, request: web.Request, body: Any) -> object:  # noqa: ANN401 - JSON
        """The JSON of a 200, or an `Answer`, raised. `body` is the request's JSON, or None."""

    @abstractmethod
    def crowded(self) -> Answer:
        """What is said when too many ask."""

    @abstractmethod
    def malformed(self) -> Answer:
        """What is said of a body that is no JSON."""

    def common_headers(self) -> Mapping[str, str]:
        """What every answer carries."""
        return {}

    # --- life ---------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen. OSError when the port is taken."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", self._port))
        except OSError:
            listener.close()
            raise
        self._port = int(listener.getsockname()[1])
        app = web.Application(client_max_size=2**20)
        app.router.add_route("*", r"/{path:[\s\S]*}", self._handle)
        runner = web.AppRunner(app, shutdown_timeout=0, access_log=None, handler_cancellation=True)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        self._runner = runner

    async def stop(self) -> None:
        """End all connections. What is known stays known. May be repeated."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    # --- the clock ----------------------------------------------------------------------------

    def now(self) -> datetime:
        """The provider's clock."""
        return datetime.now(UTC) + self.moved

    def advance(self, moment: datetime) -> None:
        """Move the clock so that the moment has passed; never back."""
        self.moved = max(self.moved, moment - datetime.now(UTC) + timedelta(milliseconds=1))

    # --- weather ------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def storm(self, kind: Storm) -> AsyncIterator[None]:
        """All requests meet this inside."""
        if kind is Storm.DOWN:
            await self.stop()
        else:
            self._storm = kind
        try:
            yield
        finally:
            self._storm = None
            if kind is Storm.DOWN:
                await self.start()

    # --- one request --------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        storm = self._storm
        if storm is Storm.SILENT:
            await asyncio.Event().wait()
        if storm is Storm.BROKEN:
            return web.Response(status=500, text="<html>broken</html>", content_type="text/html")
        given = await self._given(request)
        if storm is Storm.CUT and request.transport is not None:
            request.transport.abort()
        self.calls.append(Call(request.method, request.path_qs, given.status))
        headers = {
            **self.common_headers(),
            "Date": f"{self.now():%a, %d %b %Y %H:%M:%S GMT}",
            **given.headers,
        }
        if given.body is None:
            return web.Response(status=given.status, headers=headers)
        return web.json_response(given.body, status=given.status, headers=headers)

    async def _given(self, request: web.Request) -> Answer:
        try:
            if self._storm is Storm.CROWDED:
                raise self.crowded()
            return Answer(200, await self.answer(request, await self._body(request)))
        except Answer as answer:
            return answer

    async def _body(self, request: web.Request) -> Any:  # noqa: ANN401 - JSON
        raw = await request.read()
        if not raw or request.content_type == "application/x-www-form-urlencoded":
            return None
        try:
            return json.loads(raw)
        except ValueError:
            raise self.malformed() from None


def random_id(length: int) -> str:
    """Letters and digits that nobody can guess."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


async def serve(house: House, lines: Callable[[], list[str]]) -> None:
    """Run until interrupted, for `python -m`; `lines` say what a newcomer needs."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with house:
        sys.stdout.write("\n".join([*lines(), "", "Ctrl-C ends it; nothing is kept.", ""]))
        sys.stdout.flush()
        await stop.wait()
