"""An engine that cannot be reached, or goes away, is told in words for users."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from argoexec_cli.errors import UnavailableError
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
