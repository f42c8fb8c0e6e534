"""Ends a command that was started by exec, which the engine has no call for."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from pathlib import Path
from typing import Final

from argoexec_cli.runtime.docker import wire
from argoexec_cli.runtime.docker.engine import Engine

_TRIES: Final = 40
_PAUSE_S: Final = 0.05
_INNER_PID: Final = re.compile(r"^NSpid:.*\t(\d+)$", re.MULTILINE)


async def kill_process(engine: Engine, exec_id: str, container: str) -> None:
    """Kill the command's process group, if the command still runs and this machine runs it.

    runc makes each command the leader of a session of its own, so whatever it started and did not
    send away is in its group.
    """
    found = await _started(engine, exec_id)
    if found is None:
        return
    process = Path(f"/proc/{found.pid}")
    if not await asyncio.to_thread(_is_in, process, container):
        return
    try:
        os.killpg(found.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    except PermissionError:
        await _kill_from_inside(engine, process, container)


async def _started(engine: Engine, exec_id: str) -> wire.InspectedExec | None:
    """Return the command once it has a process; None if it has ended. It may write before that."""
    for _ in range(_TRIES):
        answer = await engine.call("GET", f"/exec/{exec_id}/json")
        if not answer.ok:
            return None
        found = answer.decode(wire.InspectedExec)
        if found.running and found.pid > 1:
            return found
        if found.exit_code is not None:
            return None
        await asyncio.sleep(_PAUSE_S)
    return None


def _is_in(process: Path, container: str) -> bool:
    """Whether it is a process of *container*: an engine that runs in a virtual machine tells the
    numbers of processes there, which here are other people's.
    """
    try:
        return container in (process / "cgroup").read_text()
    except OSError:
        return False


async def _kill_from_inside(engine: Engine, process: Path, container: str) -> None:
    """Have the container's own shell, if it has one, do what this user may not."""
    try:
        match = _INNER_PID.search(await asyncio.to_thread((process / "status").read_text))
    except OSError:
        return
    if match is None:
        return
    body = {"User": "0", "Cmd": ["sh", "-c", f"kill -9 -{match[1]}"]}
    answer = await engine.call("POST", f"/containers/{container}/exec", None, body)
    if answer.ok:
        id_ = answer.decode(wire.Created).id
        await engine.call("POST", f"/exec/{id_}/start", None, {"Detach": True})
