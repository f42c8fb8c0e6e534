"""The HTTP server of the plugin (Argo: executor plugins, `template.execute`)."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import msgspec

from argoexec_cli.argo.listening import listening
from argoexec_cli.argo.plugin.answering import Answering
from argoexec_cli.errors import InvalidError

if TYPE_CHECKING:
    from aiohttp import web

_log = logging.getLogger(__name__)
EXECUTE: Final = "/api/v1/template.execute"
BODY_LIMIT: Final = 4 << 20
"""More than Kubernetes stores in one object, which a template is part of."""
_ANSWER_S: Final = 10.0


class Handlers:
    """The routes. The statuses follow from what Argo's agent makes of them: 503 is asked again,
    everything but 200 and 404 fails the task for good.
    """

    def __init__(self, answering: Answering, token: bytes | None) -> None:
        """Ask for the bearer *token*; None asks for nothing."""
        self._answering = answering
        self._token = token

    async def execute(self, request: web.Request) -> web.Response:
        """Answer `template.execute`."""
        from aiohttp import web

        if not self._knows(request.headers.get("Authorization", "")):
            return web.Response(status=401, text="the bearer token is not the expected one")
        body = await request.read()
        try:
            async with asyncio.timeout(_ANSWER_S):
                answer = await self._answering.execute(body)
        except InvalidError as exc:
            return web.Response(status=400, text=exc.message)
        except TimeoutError:
            return web.Response(status=503, text="the executor takes too long to answer")
        except Exception:  # noqa: BLE001 - the server's boundary: a bug of ours is no verdict
            _log.exception("template.execute")
            return web.Response(status=503, text="the plugin failed; its log says why")
        return web.Response(body=msgspec.json.encode(answer), content_type="application/json")

    async def healthy(self, request: web.Request) -> web.Response:
        """Say that the server answers; needs no token."""
        from aiohttp import web

        return web.Response(text="ok\n")

    def _knows(self, header: str) -> bool:
        if self._token is None:
            return True
        scheme, _, given = header.partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(
            given.strip().encode(), self._token
        )


@asynccontextmanager
async def plugin_server(
    answering: Answering, host: str, port: int, token: bytes | None
) -> AsyncIterator[int]:
    """Serve while the block runs; gives the port. Calls that are under way are answered first.

    `PreconditionError` when the address is taken.
    """
    from aiohttp import web

    handlers = Handlers(answering, token)
    app = web.Application(client_max_size=BODY_LIMIT)
    app.router.add_post(EXECUTE, handlers.execute)
    app.router.add_get("/healthz", handlers.healthy)
    async with listening(app, host, port) as got:
        yield got
