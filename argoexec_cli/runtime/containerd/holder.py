"""A process that keeps a pid namespace for containers that see each other's processes.

A namespace of processes lives as long as its first process, so a mount cannot keep it. This one is
a busybox of the host's in a directory with nothing else, without any privilege; it collects what
the containers' processes leave behind.
"""

from __future__ import annotations

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from weakref import WeakValueDictionary

from argoexec_cli.errors import (
    AlreadyExistsError,
    NotFoundError,
    PreconditionError,
    UnavailableError,
)
from argoexec_cli.rpc.gen.containerd.services import tasks_pb2
from argoexec_cli.rpc.gen.containerd.types import task_pb2
from argoexec_cli.runtime.base import SandboxSpec
from argoexec_cli.runtime.containerd.bundles import Bundles
from argoexec_cli.runtime.containerd.files import making
from argoexec_cli.runtime.containerd.layout import Layout, container_id
from argoexec_cli.runtime.containerd.native import Native
from argoexec_cli.runtime.containerd.privileges import MASKED, READ_ONLY
from argoexec_cli.runtime.containerd.records import record, task_options
from argoexec_cli.runtime.containerd.surroundings import Surroundings
from argoexec_cli.runtime.labels import to_labels
from argoexec_cli.runtime.standin import BUSYBOX

_SCRIPT: Final = "trap exit TERM; while :; do sleep 86400 & wait $!; done"


class Holders:
    """The processes of one owner."""

    def __init__(self, native: Native, layout: Layout, surroundings: Surroundings) -> None:
        """Start nothing yet."""
        self._native = native
        self._layout = layout
        self._surroundings = surroundings
        self._bundles = Bundles()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def hold(self, spec: SandboxSpec) -> str:
        """Start the pod's process, or find it; return the path of its pid namespace.

        `NotFoundError`: it has ended, and with it the namespace. `PreconditionError`: the host has
        no static busybox. `UnavailableError`: its name is taken for now, by what a crash left.
        """
        name = container_id(spec.key)
        async with self._locks.setdefault(name, asyncio.Lock()):
            try:
                process = await self._native.task(name)
            except NotFoundError:
                process = await self._create(name, spec)
            if process.status == task_pb2.CREATED:
                await self._native.start_task(name)
            elif process.status != task_pb2.RUNNING:
                raise NotFoundError(
                    f"the sandbox of pod {spec.pod_namespace}/{spec.pod_name} has ended",
                    hint="submit the pod again",
                )
        return f"/proc/{process.pid}/ns/pid"

    async def _create(self, name: str, spec: SandboxSpec) -> task_pb2.Process:
        root = self._layout.root / "holder"
        await asyncio.to_thread(_prepare, root)
        labels = to_labels(self._layout.owner, spec.key)
        described = _describe(root, self._layout.cgroup(name))
        with suppress(AlreadyExistsError):  # from a process before us, cut off here
            await self._native.create_container(record(self._surroundings, name, labels, described))
        request = tasks_pb2.CreateTaskRequest(
            container_id=name,
            options=task_options(self._surroundings),
            runtime_path=self._surroundings.shim,
        )
        try:
            await self._native.create_task(request)
        except AlreadyExistsError as exc:
            self._bundles.clear_leftover(name, exc.message)
            try:
                return await self._native.task(name)
            except NotFoundError:
                raise UnavailableError(exc.message, hint=exc.hint) from exc
        return await self._native.task(name)


def _prepare(root: Path) -> None:
    """Have the process's files there: one program, and places for what is mounted."""
    if (root / "bin" / "sh").exists():
        return
    if not BUSYBOX.exists():
        raise PreconditionError(
            f"shareProcessNamespace needs a static {BUSYBOX} on the host",
            hint="apt-get install busybox-static",
        )
    with making(root):
        half = root.with_suffix(".half")
        shutil.rmtree(half, ignore_errors=True)
        for directory in ("bin", "dev", "proc"):
            (half / directory).mkdir(parents=True)
        shutil.copy(BUSYBOX, half / "bin" / "sh")
        (half / "bin" / "sleep").symlink_to("sh")
        half.rename(root)


def _describe(root: Path, cgroup: str) -> dict[str, Any]:
    namespaces = ["mount", "pid", "ipc", "uts", "network"]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": ["/bin/sh", "-c", _SCRIPT],
            "env": ["PATH=/bin"],
            "cwd": "/",
            "capabilities": {},
            "noNewPrivileges": True,
        },
        "root": {"path": str(root), "readonly": True},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
        ],
        "linux": {
            "cgroupsPath": cgroup,
            "namespaces": [{"type": one} for one in namespaces],
            "maskedPaths": MASKED,
            "readonlyPaths": READ_ONLY,
        },
    }
