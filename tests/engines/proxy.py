"""A TCP proxy on loopback in front of a server that is slow, or that stops in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_PIECE = 64 << 10


class Proxy:
    """Passes on what the server at *port* says: at *bytes_per_s* (0: at once), and in all no more
    than *stall_after* bytes, after which it says nothing and closes nothing.
    """

    def __init__(self, port: int, *, bytes_per_s: int = 0, stall_after: int = 1 << 60) -> None:
        self.port = 0
        self.bytes_per_s = bytes_per_s
        self.left = stall_after
        self._target = port
        self._open: set[asyncio.Task[None]] = set()

    @property
    def host(self) -> str:
        """The proxy's part of an image name."""
        return f"127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        writers = [writer]
        try:
            theirs_in, theirs_out = await asyncio.open_connection("127.0.0.1", self._target)
            writers.append(theirs_out)
            asking = asyncio.ensure_future(self._ask(reader, theirs_out))
            try:
                while data := await theirs_in.read(_PIECE):
                    await self._answer(data, writer)
            finally:
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            for one in writers:
                one.transport.abort()
            self._open.discard(task)

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(_PIECE):
                writer.write(data)

    async def _answer(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        self.left -= len(data)
        if self.left < 0:
            await asyncio.Event().wait()
        writer.write(data)
        await writer.drain()
        if self.bytes_per_s:
            await asyncio.sleep(len(data) / self.bytes_per_s)

    async def close(self) -> None:
        """Cut all connections."""
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)


@asynccontextmanager
async def proxied(
    port: int, *, bytes_per_s: int = 0, stall_after: int = 1 << 60
) -> AsyncIterator[Proxy]:
    """Run a proxy in front of *port* in the block."""
    proxy = Proxy(port, bytes_per_s=bytes_per_s, stall_after=stall_after)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await asyncio.sleep(0.05)  # what was just accepted begins to be served
        await proxy.close()
        await asyncio.sleep(0)  # connections are taken apart in the loop's next turn
