"""A way to a server that counts: connections at a time, and round trips."""

import asyncio
from contextlib import suppress
from typing import Self


class Proxy:
    """Takes connections on `port` and hands them on to the target's, byte by byte.

    A trip is counted each time the client speaks after the server did: what is sent in one go, or
    behind each other without waiting, is one.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.port = 0
        self.trips = 0
        self.most = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self.quiet()

    async def quiet(self) -> None:
        """No connection is open any more."""
        while self._open:
            await asyncio.wait(set(self._open), timeout=5)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        self.most = max(self.most, len(self._open))
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
            state = {"asked": False}
            ways = ((reader, back, True), (there, writer, False))
            pumps = [asyncio.create_task(self._pump(*way, state)) for way in ways]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for end in (back, writer):
                end.close()
                with suppress(OSError):
                    await end.wait_closed()
        finally:
            self._open.discard(task)

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        asks: bool,  # noqa: FBT001 - which of the two ways this is
        state: dict[str, bool],
    ) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                if asks and not state["asked"]:
                    self.trips += 1
                state["asked"] = asks
                sink.write(data)
                await sink.drain()
