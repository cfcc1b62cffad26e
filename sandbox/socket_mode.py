"""Socket Mode: the websockets of the app, and which envelope goes to which of them.

A ticket opens one connection. Ten may be open; each envelope goes to exactly one of them. A
connection that was told to leave gets nothing new while there is another.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from aiohttp import WSMsgType, web

if TYPE_CHECKING:
    from sandbox.installation import Installation
    from sandbox.wire import Json

CONNECTION_LIMIT = 10
NOTICE = 10.0
"""Seconds between telling a connection to leave and closing it."""

Cut = Literal["close", "abort", "refresh", "warning", "disable"]
_REASONS = {"refresh": "refresh_requested", "warning": "warning", "disable": "link_disabled"}


class NotConnectedError(Exception):
    """The app has no open connection."""


@dataclass(slots=True, eq=False)
class Connection:
    """One open websocket."""

    number: int
    socket: web.WebSocketResponse
    request: web.Request
    is_leaving: bool = False


class SocketHub:
    """The app's connections."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._tickets: set[str] = set()
        self._open: list[Connection] = []
        self._numbers = itertools.count(1)
        self._turn = itertools.count()
        self._waiting: dict[str, asyncio.Future[object]] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._open)

    def new_ticket(self) -> str:
        """What makes one connection possible."""
        ticket = secrets.token_hex(16)
        self._tickets.add(ticket)
        return ticket

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve `/link/` until the connection ends."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403, text="no such ticket")
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse(heartbeat=30.0)
        await socket.prepare(request)
        connection = Connection(next(self._numbers), socket, request)
        if len(self._open) >= CONNECTION_LIMIT:
            await self._tell(connection, "too_many_websockets")
            await socket.close()
            return socket
        await self._serve(connection)
        return socket

    async def _serve(self, connection: Connection) -> None:
        note = self._installation.traffic.note
        self._open.append(connection)
        note("socket", connection=connection.number, event="open", connections=len(self._open))
        try:
            with contextlib.suppress(ConnectionResetError):
                await connection.socket.send_json(self._hello())
            async for message in connection.socket:
                if message.type is WSMsgType.TEXT:
                    self._take(message.data, connection)
        finally:
            self._open.remove(connection)
            note("socket", connection=connection.number, event="closed")

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self._open),
            "debug_info": {
                "host": "sandbox",
                "build_number": 1,
                "approximate_connection_time": 18060,
            },
            "connection_info": {"app_id": self._installation.app_id},
        }

    def _take(self, frame: str, connection: Connection) -> None:
        try:
            message = json.loads(frame)
            envelope_id = message["envelope_id"]
        except (ValueError, TypeError, KeyError):
            self._installation.traffic.note(
                "socket", connection=connection.number, event="unreadable frame", frame=frame[:500]
            )
            return
        future = self._waiting.pop(envelope_id, None)
        if future is None or future.done():
            self._installation.traffic.note(
                "socket",
                connection=connection.number,
                event="ack that nobody waits for",
                envelope_id=envelope_id,
            )
            return
        future.set_result(message.get("payload"))

    async def send(self, envelope: Json) -> object:
        """Give the envelope to one connection and wait for its ack, without a limit.

        NotConnectedError when there is no connection to give it to.
        """
        staying = [c for c in self._open if not c.is_leaving] or self._open
        if not staying:
            raise NotConnectedError
        connection = staying[next(self._turn) % len(staying)]
        envelope_id = envelope["envelope_id"]
        future = self._waiting.get(envelope_id)
        if future is None:
            future = asyncio.get_running_loop().create_future()
            self._waiting[envelope_id] = future
        try:
            with contextlib.suppress(ConnectionResetError):
                await connection.socket.send_json(envelope)
            return await asyncio.shield(future)
        finally:
            if self._waiting.get(envelope_id) is future:
                del self._waiting[envelope_id]

    async def cut(self, how: Cut) -> int:
        """End all connections: politely, brutally, or by asking the app to come back."""
        affected = list(self._open)
        for connection in affected:
            if how == "abort":
                if connection.request.transport is not None:
                    connection.request.transport.abort()
            elif how == "close":
                await connection.socket.close()
            else:
                await self._ask_to_leave(connection, _REASONS[how])
        return len(affected)

    async def _ask_to_leave(self, connection: Connection, reason: str) -> None:
        connection.is_leaving = True
        await self._tell(connection, reason)
        task = asyncio.create_task(self._close_later(connection))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _close_later(self, connection: Connection) -> None:
        await self._installation.workspace.clock.sleep(NOTICE)
        await connection.socket.close()

    async def _tell(self, connection: Connection, reason: str) -> None:
        farewell = {"type": "disconnect", "reason": reason, "debug_info": {"host": "sandbox"}}
        with contextlib.suppress(ConnectionResetError):
            await connection.socket.send_json(farewell)

    async def close(self) -> None:
        """End everything: the sandbox stops."""
        for task in self._leaving:
            task.cancel()
        for connection in list(self._open):
            await connection.socket.close()
