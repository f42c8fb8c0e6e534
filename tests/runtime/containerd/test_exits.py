"""Ends and OOM kills come as two events, in any order."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from argoexec_cli.rpc.gen.containerd.events import task_pb2
from argoexec_cli.rpc.gen.containerd.services import events_pb2
from argoexec_cli.runtime.containerd.exits import Exits
from argoexec_cli.runtime.containerd.layout import Layout
from argoexec_cli.runtime.kernellog import KernelLog

OOM = task_pb2.TaskOOM(container_id="c")
END = task_pb2.TaskExit(container_id="c", id="c", exit_status=137)


def envelope(message: Any) -> events_pb2.Envelope:
    """Wrap an event as containerd sends it."""
    found = events_pb2.Envelope(topic="/tasks/oom" if message is OOM else "/tasks/exit")
    found.event.value = message.SerializeToString()
    return found


@pytest.mark.parametrize("events", [(OOM, END), (END, OOM)], ids=["before", "after"])
async def test_a_kill_for_want_of_memory_is_told(events: tuple[Any, ...], tmp_path: Path) -> None:
    # The group of systemd's making is gone by then.
    exits = Exits(None, Layout("o", tmp_path, "", True))  # type: ignore[arg-type] # nobody asks it
    exits._connected = True
    exits.expect("c", limited=True)
    waiting = await exits.ending("c")
    for each in events:
        exits._take(envelope(each))
    async with asyncio.timeout(30):
        assert (await waiting).reason == "OOMKilled"


async def test_a_kill_that_containerd_misses_is_known_to_the_kernel(tmp_path: Path) -> None:
    kernel = tmp_path / "kmsg"
    kernel.write_text("4,1,2,-;oom-kill:task_memcg=/system.slice/argoexec-c.scope,pid=1\n")
    layout = Layout("o", tmp_path, "", True)
    exits = Exits(None, layout, KernelLog(kernel))  # type: ignore[arg-type] # nobody asks it
    exits._connected = True
    exits.expect("c", limited=True)
    waiting = await exits.ending("c")
    exits._take(envelope(END))
    assert waiting.done()
    assert (await waiting).reason == "OOMKilled"


async def test_without_one_the_end_is_an_error(tmp_path: Path) -> None:
    exits = Exits(None, Layout("o", tmp_path, "", True))  # type: ignore[arg-type] # nobody asks it
    exits._connected = True
    exits.expect("c", limited=True)
    waiting = await exits.ending("c")
    exits._take(envelope(END))
    async with asyncio.timeout(30):
        assert (await waiting).reason == "Error"
