"""An engine that cannot be reached, or goes away, is told in words for users."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from argoexec_cli.errors import UnavailableError, UnsupportedError
from argoexec_cli.runtime.docker.engine import connect

HALF = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf"


@pytest.mark.parametrize(
    ("answer", "words"),
    [(HALF, "closed the connection"), (b"", "does not answer: it closed the connection")],
)
async def test_a_connection_that_breaks(answer: bytes, words: str, short_tmp: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    host = f"unix://{short_tmp}/e.sock"
    async with (
        await asyncio.start_unix_server(serve, short_tmp / "e.sock"),
        connect(host) as engine,
    ):
        with pytest.raises(UnavailableError) as caught:
            async with engine.stream("GET", "/events") as stream:
                await stream.read()
    assert caught.value.message == f"Docker Engine at {host} {words}"
    assert caught.value.hint == "argoexec doctor"


@pytest.mark.parametrize(
    ("newest", "oldest", "agreed"),
    [("1.41", "1.12", "/v1.41"), ("1.52", "1.24", "/v1.41"), ("1.54", "1.44", "/v1.44")],
)
async def test_the_version_of_the_api(
    newest: str, oldest: str, agreed: str, short_tmp: Path
) -> None:
    async with _speaking(newest, oldest, short_tmp) as host, connect(host) as engine:
        await engine.negotiate()
        assert engine.prefix == agreed


async def test_an_engine_that_is_too_old(short_tmp: Path) -> None:
    async with _speaking("1.40", "1.12", short_tmp) as host, connect(host) as engine:
        with pytest.raises(UnsupportedError, match=r"Docker Engine 1\.2\.3 is too old"):
            await engine.negotiate()


@asynccontextmanager
async def _speaking(newest: str, oldest: str, directory: Path) -> AsyncIterator[str]:
    """Give the address of what answers to versions of the API as dockerd does."""
    told = {"Version": "1.2.3", "ApiVersion": newest, "MinAPIVersion": oldest}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while True:
                path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
                asked = path.removeprefix("/v").partition("/")[0]
                served = path == "/version" or oldest <= asked <= newest
                body = msgspec.json.encode(told)
                status = "200 OK" if served else "400 Bad Request"
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode())
                writer.write(body)
        writer.close()

    async with await asyncio.start_unix_server(serve, directory / "e.sock"):
        yield f"unix://{directory}/e.sock"


@pytest.mark.parametrize(
    ("host", "cause"),
    [
        ("unix:///nonexist/docker.sock", "no such file or directory"),
        ("tcp://127.0.0.1:1", "connection refused"),
    ],
)
async def test_nobody_there(host: str, cause: str) -> None:
    with pytest.raises(UnavailableError) as caught:
        async with connect(host) as engine:
            await engine.negotiate()
    assert caught.value.message == f"Docker Engine at {host} does not answer: {cause}"
