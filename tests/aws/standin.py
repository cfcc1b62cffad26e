"""AWS to test against: moto's server behind a door that is as strict and as slow as AWS.

`python -m tests.aws.standin` prints two URLs: the door, and its back room, from where the weather,
the clock and the faults are set. It ends when its standard input does.

Each request is read by botocore's own model of the service, its signature is made again, the
policies of who signed it are weighed, and only then moto is asked.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import aiohttp
from aiohttp import web
from moto.server import ThreadedMotoServer

from tests.aws import rights, signing, wire
from tests.aws.callers import Callers
from tests.aws.centre import Centre
from tests.aws.names import BOT
from tests.aws.rotation import Rotation
from tests.aws.signin import signed_in
from tests.aws.wire import Call, RefusalError
from tests.aws.world import seed

THROTTLED = {"iam": "Throttling", "sts": "Throttling"}
PASSED_ON = ("Content-Type", "X-Amz-Target", "Authorization", "X-Amz-Date")


class Standin:
    """One account, seen through its door."""

    def __init__(self, moto: str, client: aiohttp.ClientSession) -> None:
        self.moto, self.client = moto, client
        self.ahead = timedelta(0)
        self.weather = ""
        self.callers = Callers()
        self.used: deque[str] = deque(maxlen=100_000)
        self.requests = 0
        self.centre = Centre(self.now)
        self.rotation = Rotation()
        self.open: set[asyncio.Transport] = set()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    async def serve(self, request: web.Request) -> web.Response:
        """The door."""
        if request.transport is not None:
            self.open.add(request.transport)
        if self.weather == "silent":
            while self.weather == "silent":  # noqa: ASYNC110 - the back room rings no bell
                await asyncio.sleep(0.02)
            if request.transport is not None:
                request.transport.close()
            return web.Response(status=500)
        self.requests += 1
        if request.method == "GET":
            return await signed_in(request, self.callers, self.now())
        is_json = "X-Amz-Target" in request.headers
        try:
            status, headers, body = await self._answer(request, await request.read())
        except RefusalError as refusal:
            status, headers, body = wire.refused(refusal, is_json=is_json)
        headers = {name: value for name, value in headers.items() if name != "Date"}
        headers["Date"] = format_datetime(self.now(), usegmt=True)
        return web.Response(status=status, headers=headers, body=body)

    async def _answer(self, request: web.Request, body: bytes) -> tuple[int, dict[str, str], bytes]:
        key, signed_for = signing.scope(request.headers)
        service = wire.SERVICES.get(signed_for, signed_for)
        if self.weather == "crowded":
            code = THROTTLED.get(service, "ThrottlingException")
            raise RefusalError(code, "Rate exceeded", 400, {"Retry-After": "3"})
        caller = self.callers.who(key, service, self.now())
        url = f"http://{request.host}{request.path_qs}"
        signing.check(url, request.headers, body, caller.secret, caller.token)
        call = wire.read(signed_for, key, request.headers, body)
        used = rights.demand(caller, call, self.now())
        if caller.username == BOT:
            self.used += used
        for room in (self.centre, self.rotation):
            made = await room.answer(call)
            if made is not None:
                text = json.dumps(made).encode()
                return 200, {"Content-Type": "application/x-amz-json-1.1"}, text
        return await self._proxied(request, call, body)

    async def _proxied(
        self, request: web.Request, call: Call, body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        async with self.client.post(self.moto, data=body, headers=headers) as answer:
            said = await answer.read()
        if call.operation == "AssumeRole" and answer.status == 200:
            key = said.split(b"<AccessKeyId>")[1].split(b"<")[0].decode()
            self.callers.assumed(key, call, self.now())
        kept = {"Content-Type": answer.headers.get("Content-Type", "text/xml")}
        return answer.status, kept, said


class BackRoom:
    """Where a test sets what goes wrong."""

    def __init__(self, standin: Standin, door: "Door") -> None:
        self.standin, self.door = standin, door

    async def set(self, request: web.Request) -> web.Response:
        said = await request.json()
        standin = self.standin
        for name, value in said.items():
            match name:
                case "weather":
                    await self._weather(value)
                case "ahead":
                    standin.ahead = timedelta(seconds=value)
                case "centre":
                    standin.centre.set(value)
                case "rotation":
                    standin.rotation.set(value)
                case "forget":
                    standin.used.clear()
                    standin.requests = 0
        made = {"used": sorted(set(standin.used)), "requests": standin.requests}
        if session := said.get("session"):
            made["open"] = standin.centre.may(*session)
        return web.json_response(made)

    async def _weather(self, kind: str) -> None:
        if self.standin.weather == "down":
            await self.door.open()
        self.standin.weather = kind
        self.standin.callers.locked = kind == "locked"
        self.standin.callers.forbidden = kind == "forbidden"
        if kind == "down":
            await self.door.close()
            for transport in self.standin.open:
                transport.close()
            self.standin.open.clear()


class Door:
    """A listening socket that can be shut and opened again, at the same address."""

    def __init__(self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> None:
        self.server = web.Server(handler, access_log=None)
        self.runner = web.ServerRunner(self.server, shutdown_timeout=0.1)
        self.port = 0
        self.site: web.TCPSite | None = None

    async def open(self) -> str:
        if self.runner.server is None:
            await self.runner.setup()
        self.site = web.TCPSite(self.runner, "127.0.0.1", self.port, reuse_address=True)
        await self.site.start()
        self.port = self.runner.addresses[-1][1]
        return f"http://127.0.0.1:{self.port}"

    async def close(self) -> None:
        assert self.site is not None
        await self.site.stop()


async def main() -> None:
    moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    async with aiohttp.ClientSession() as client:
        standin = Standin(f"http://{host}:{port}/", client)
        door = Door(standin.serve)
        room = Door(BackRoom(standin, door).set)
        urls = [await door.open(), await room.open(), standin.moto]
        words = await asyncio.to_thread(seed, standin.moto)
        sys.stdout.write(json.dumps([*urls, words]) + "\n")
        sys.stdout.flush()
        with contextlib.suppress(EOFError):
            await asyncio.to_thread(sys.stdin.read)
        await standin.centre.rest()


def run() -> Any:
    import logging  # noqa: PLC0415 - moto's server is silenced once

    logging.getLogger("werkzeug").setLevel("ERROR")
    asyncio.run(main())
    os._exit(0)  # moto's threads would be waited for


if __name__ == "__main__":
    run()
