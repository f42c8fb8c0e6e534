"""Termination messages: what a container leaves behind about its end (core/v1
terminationMessagePath), in a file of the host that is mounted into it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from argoexec_cli.executors.local.logs import LogStore
from argoexec_cli.models.logs import LogQuery
from argoexec_cli.models.pod import Container
from argoexec_cli.runtime.base import ContainerKey, Mount

_LIMIT_BYTES: Final = 4096
_LOG_LIMIT: Final = (80, 2048)
"""How much of a log becomes a message: lines and bytes, as the kubelet's."""


class Messages:
    """The files, in each pod's directory, which goes with the pod."""

    def __init__(self, directory: Path, logs: LogStore) -> None:
        """Use the pods' *directory*, and *logs* for containers that fall back to theirs."""
        self._directory = directory
        self._logs = logs

    async def mount(self, key: ContainerKey, container: Container) -> Mount:
        """Make the container's file, and return its mount. May be repeated."""
        path = self._path(key)
        await asyncio.to_thread(_make, path)
        return Mount(source=str(path), target=container.termination_message_path)

    async def read(self, key: ContainerKey, container: Container, exit_code: int) -> str:
        """Return the message of a container that has ended and whose log is stored."""
        data = await asyncio.to_thread(_read, self._path(key))
        falls_back = container.termination_message_policy == "FallbackToLogsOnError"
        if not data and exit_code and falls_back:
            lines, limit_bytes = _LOG_LIMIT
            query = LogQuery(tail_lines=lines)
            chunks = [chunk.data async for chunk in self._logs.read(key, query, lambda: True)]
            data = b"".join(chunks)[-limit_bytes:]
        return data.decode("utf-8", "replace")

    def _path(self, key: ContainerKey) -> Path:
        return self._directory / key.pod_uid / "messages" / f"{key.container}-{key.attempt}"


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    path.touch()
    path.chmod(0o666)  # any user of the container may write to it


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LIMIT_BYTES)
    except OSError:  # no container was started with it, or it is gone with the pod
        return b""
