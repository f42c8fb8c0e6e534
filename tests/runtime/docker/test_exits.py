"""Ends of containers, on an engine that answers when the test says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from argoexec_cli.aio import Tasks
from argoexec_cli.runtime.base import ContainerKey, Handle
from argoexec_cli.runtime.docker import wire
from argoexec_cli.runtime.docker.exits import Exits
from argoexec_cli.runtime.docker.sandbox import network_users
from argoexec_cli.runtime.kernellog import KernelLog
from argoexec_cli.runtime.labels import to_labels


class Quiet:
    """An engine with an open stream of events that brings none, and a list that takes a while."""

    status = 200

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answer = asyncio.Event()

    @asynccontextmanager
    async def stream(self, *args: Any) -> AsyncIterator[Quiet]:
        """Open the stream."""
        yield self

    @property
    def content(self) -> AsyncIterator[bytes]:
        """Bring nothing."""
        return self._nothing()

    async def _nothing(self) -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    async def ours(self) -> list[wire.Listed]:
        """List what there was when this was asked: nothing."""
        self.asked.set()
        await self.answer.wait()
        return []


async def test_a_container_that_starts_during_the_list_is_not_taken_for_gone() -> None:
    engine: Any = Quiet()
    exits = Exits(engine, engine, "me")
    tasks = Tasks()
    tasks.spawn(exits.run(), name="events")
    try:
        await engine.asked.wait()
        exits.expect("new")
        ending = await exits.ending(Handle(id="new", key=ContainerKey(pod_uid="p", container="c")))
        engine.answer.set()
        await exits.ready()
        assert not ending.done()
    finally:
        await tasks.stop()


@pytest.mark.parametrize(("told", "reason"), [(True, "OOMKilled"), (False, "Error")])
async def test_a_kill_that_the_engine_misses_is_known_to_the_kernel(
    tmp_path: Path, told: bool, reason: str
) -> None:
    kernel = tmp_path / "kmsg"
    kernel.write_text("4,1,2,-;oom-kill:task_memcg=/system.slice/docker-c.scope,pid=1\n" * told)
    exits = Exits(None, None, "me", KernelLog(kernel))  # type: ignore[arg-type] # nobody asks them
    exits._stream, exits._connected = 1, True
    exits.expect("c", limited=True)
    ending = await exits.ending(Handle(id="c", key=ContainerKey(pod_uid="p", container="c")))
    actor = wire.Actor(id="c", attributes={"exitCode": "137"})
    exits._take(wire.Event(action="die", actor=actor, time_ns=1))
    assert ending.done() == told
    async with asyncio.timeout(30):
        assert (await ending).reason == reason


def test_a_network_is_in_use_before_and_until_its_container_has_ended() -> None:
    def listed(state: str) -> wire.Listed:
        return wire.Listed(
            id=state,
            state=state,
            created=0,
            labels=to_labels("me", ContainerKey(pod_uid=f"pod-{state}", container="main")),
            host_config=wire.HostConfig(network_mode=f"container:net-{state}"),
        )

    states = ("created", "running", "paused", "exited", "dead")
    assert network_users(map(listed, states)) == {
        f"net-{state}": f"pod-{state}" for state in ("created", "running", "paused")
    }
