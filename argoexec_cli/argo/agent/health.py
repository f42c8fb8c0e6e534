"""Tells a kubelet, or anybody, how the agent is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from argoexec_cli.argo.listening import listening

if TYPE_CHECKING:
    from aiohttp import web

    from argoexec_cli.argo.agent.agent import Agent


class Health:
    """What is told. `agent` is the one that works now; None while another replica leads."""

    def __init__(self) -> None:
        """Nobody works yet."""
        self.agent: Agent | None = None
        self.standing_by = False

    def state(self) -> dict[str, object]:
        """Return what the answer to /readyz says."""
        if self.agent is None:
            return {"ready": self.standing_by, "leads": False}
        return {"ready": self.agent.synced.is_set(), "leads": True, **self.agent.counts()}


@asynccontextmanager
async def health_server(health: Health, host: str, port: int) -> AsyncIterator[int]:
    """Answer /healthz (the process lives) and /readyz (it has seen everything) while the block
    runs; gives the port.
    """
    from aiohttp import web

    async def alive(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def ready(_: web.Request) -> web.Response:
        state = health.state()
        return web.json_response(state, status=200 if state["ready"] else 503)

    app = web.Application()
    app.router.add_get("/healthz", alive)
    app.router.add_get("/readyz", ready)
    async with listening(app, host, port) as got:
        yield got
