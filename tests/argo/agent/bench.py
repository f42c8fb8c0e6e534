"""An agent between a fake cluster and a local executor on the fake runtime."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from argoexec_cli.argo.agent.agent import Agent, AgentSettings, open_agent
from argoexec_cli.argo.agent.http import Http
from argoexec_cli.errors import NotFoundError, UnavailableError
from argoexec_cli.executors.local.manager import LocalExecutor
from argoexec_cli.kube.client import KubeClient
from argoexec_cli.models.executor import Executor
from argoexec_cli.models.record import PodQuery, PodRecord
from tests.argo.agent.controller import FULFILLED, Controller

LIMIT_S = 50.0


class Bench:
    """Starts and kills agents on one ledger."""

    def __init__(self, kube: KubeClient, executor: LocalExecutor, directory: Path) -> None:
        """Have nothing running."""
        self.executor: LocalExecutor = executor
        self.settings = AgentSettings(ledger=directory / "agent.db", prune_after_s=0.3, tidy_s=0.1)
        self.agent: Agent | None = None
        self.away = False
        self._kube = kube
        self._stack = AsyncExitStack()
        self._running: asyncio.Task[None] | None = None

    def set(self, **changes: Any) -> None:
        """Change settings for the next agent."""
        self.settings = dataclasses.replace(self.settings, **changes)

    async def start(self) -> Agent:
        """Start an agent; returns when it has seen everything."""
        opened = open_agent(
            self.settings, self._kube, self._resolve, lambda: "mine", Http(self._kube)
        )
        self.agent = await self._stack.enter_async_context(opened)
        self._running = asyncio.create_task(self.agent.run(), name="agent")
        async with asyncio.timeout(LIMIT_S):
            await self.agent.synced.wait()
        return self.agent

    async def stop(self) -> None:
        """Stop the agent, wherever it is. May be called twice."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            self._running = None
        await self._stack.aclose()

    async def pods(self) -> list[PodRecord]:
        """Return all pods that were ever run."""
        return list((await self.executor.list_pods(PodQuery())).records)

    async def operated(self, controller: Controller, *nodes: str) -> None:
        """Have the controller operate until all *nodes* are fulfilled."""

        def done() -> bool:
            controller.operate()
            return all(controller.nodes[node]["phase"] in FULFILLED for node in nodes)

        await until(done)

    def _resolve(self, name: str) -> Executor:
        if self.away:
            raise UnavailableError("nobody answers at unix:///x")
        if name != "mine":
            raise NotFoundError(f"no executor is registered as {name}")
        return self.executor


async def until(test: Callable[[], bool]) -> None:
    """Wait until *test* is true; fails after a while."""
    async with asyncio.timeout(LIMIT_S):
        while not test():  # noqa: ASYNC110 - the other side is a thread without events
            await asyncio.sleep(0.01)


async def quiet(seconds: float = 0.5) -> None:
    """Give what must not happen the time to happen."""
    await asyncio.sleep(seconds)


def say(script: str, **more: Any) -> dict[str, Any]:
    """Return a plugin template that runs *script*."""
    container = {"image": "busybox", "command": ["sh", "-c", script]}
    return {"name": "say", "plugin": {"argoexec": {"container": container}}, **more}
