"""A request whose connection becomes a plain two-way stream: how the engine gives a command its
input and output (https://docs.docker.com/engine/api/v1.41/#tag/Exec).

No HTTP library is used here: none of them lets one side of such a connection end while the other
goes on, which is how a command learns that its input is at an end.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from argoexec_cli.errors import UnavailableError

_UNIX: Final = "unix://"
_HEAD_LIMIT: Final = 64 << 10
_LIMIT_S: Final = 120.0


class Hijacked(NamedTuple):
    """The two sides of the connection, or, for a status of 400 up, the engine's refusal."""

    status: int
    body: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


@asynccontextmanager
async def hijacked(host: str, path: str, body: object) -> AsyncIterator[Hijacked]:
    """Send a POST to the engine at *host* and give what the connection becomes; leaving closes it.

    `UnavailableError` when the engine does not answer.
    """
    try:
        async with asyncio.timeout(_LIMIT_S):
            reader, writer = await _connect(host)
    except (OSError, TimeoutError) as exc:
        raise _unreachable(host, exc) from exc
    try:
        yield await _ask(host, path, body, reader, writer)
    finally:
        # Not `close`, which would first wait until the other side takes what is unsent.
        writer.transport.abort()
        with suppress(OSError, ssl.SSLError):
            await writer.wait_closed()


async def _connect(host: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if host.startswith(_UNIX):
        return await asyncio.open_unix_connection(host.removeprefix(_UNIX))
    place = urlsplit(host)
    secure = True if place.scheme == "https" else None
    return await asyncio.open_connection(place.hostname, place.port, ssl=secure)


async def _ask(
    host: str, path: str, body: object, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Hijacked:
    data = msgspec.json.encode(body)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n"
        f"Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    try:
        async with asyncio.timeout(_LIMIT_S):
            writer.write(head.encode() + data)
            await writer.drain()
            status, length = _parse(await reader.readuntil(b"\r\n\r\n"))
            refusal = b""
            if status >= 400:
                refusal = await (reader.readexactly(length) if length else reader.read(_HEAD_LIMIT))
    except (OSError, EOFError, ValueError, TimeoutError, asyncio.LimitOverrunError) as exc:
        raise _unreachable(host, exc) from exc
    return Hijacked(status, refusal, reader, writer)


def _parse(head: bytes) -> tuple[int, int]:
    """Return status and Content-Length (0: not said) of an answer's head."""
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(":", 1) for line in lines if ":" in line)
    return int(first.split(" ")[1]), int(fields.get("content-length", "0"))


def _unreachable(host: str, exc: Exception) -> UnavailableError:
    cause = exc.strerror if isinstance(exc, OSError) and exc.strerror else "it gave no answer"
    return UnavailableError(
        f"Docker Engine at {host} does not answer: {cause.lower()}", hint="argoexec doctor"
    )
