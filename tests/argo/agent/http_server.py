"""A web server for `http:` templates."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from aiohttp import web


class Seen(NamedTuple):
    """A request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


class HttpServer:
    """Answers by path, and keeps what came."""

    def __init__(self) -> None:
        """Answer nothing yet."""
        self.seen: list[Seen] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        body = await request.text()
        self.seen.append(Seen(request.method, request.path, dict(request.headers), body))
        match request.path:
            case "/made":
                return web.Response(status=201, text=f"made {body}")
            case "/teapot":
                return web.Response(status=418, text="short and stout")
            case "/moved":
                raise web.HTTPFound("/json")
            case "/json":
                return web.json_response({"a": {"b": [1, 2]}}, headers={"server-name": "it"})
            case "/slow":
                await asyncio.sleep(30)
            case "/large":
                return web.Response(body=b"x" * (9 << 20))
        return web.Response(text="ok")
