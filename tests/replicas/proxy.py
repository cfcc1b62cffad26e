"""A wire to PostgreSQL that is cut where it hurts most: at a COMMIT, or before its answer."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum, auto

COMMIT = b"COMMIT\0"  # whole: BEGIN says READ COMMITTED
CHUNK = 65_536


class Cut(StrEnum):
    """On which side of the COMMIT."""

    BEFORE = auto()  # it never arrives
    AFTER = auto()  # it arrives, its answer does not


@dataclass(slots=True)
class Proxy:
    """Connections to `port` of 127.0.0.1. `cuts` are used up, one a COMMIT, every `every`-th."""

    target: int
    every: int = 3
    cuts: list[Cut] = field(default_factory=list)
    done: list[Cut] = field(default_factory=list)
    _seen: int = 0
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self) -> int:
        """The port to connect to."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Cut everything."""
        if self._server is not None:
            self._server.close()
            for writer in self._open:
                writer.transport.abort()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        ends = {writer, back}
        self._open |= ends
        silent = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._forth(reader, back, silent, ends))
                both.create_task(_carry(there, writer, silent))
        except* (OSError, EOFError):
            pass
        finally:
            for end in ends:
                end.transport.abort()
            self._open -= ends

    async def _forth(
        self,
        reader: asyncio.StreamReader,
        back: asyncio.StreamWriter,
        silent: asyncio.Event,
        ends: set[asyncio.StreamWriter],
    ) -> None:
        while data := await reader.read(CHUNK):
            cut = self._next(data)
            if cut is Cut.AFTER:
                silent.set()
            if cut is not Cut.BEFORE:
                back.write(data)
                await back.drain()
            if cut is not None:
                # Long enough for the server to do it; the client hears nothing either way.
                await asyncio.sleep(0.1)
                for end in ends:
                    end.transport.abort()
                raise EOFError
        raise EOFError

    def _next(self, data: bytes) -> Cut | None:
        if COMMIT not in data or not self.cuts:
            return None
        self._seen += 1
        if self._seen % self.every:
            return None
        self.done.append(self.cuts.pop(0))
        return self.done[-1]


async def _carry(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, silent: asyncio.Event
) -> None:
    while data := await source.read(CHUNK):
        if not silent.is_set():
            sink.write(data)
            with suppress(ConnectionError):
                await sink.drain()
    raise EOFError
