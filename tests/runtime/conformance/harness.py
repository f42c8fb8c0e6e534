"""What the cases share: tasks, a container of its own for each test, logs read whole."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
import pytest_asyncio

from argoexec_cli.models.logs import STDOUT, LogRun
from argoexec_cli.runtime.base import (
    ContainerKey,
    ContainerSpec,
    Exit,
    Handle,
    ImagePull,
    LogBatch,
    Runtime,
    SandboxSpec,
)

_T = TypeVar("_T")

Reopen = Callable[[str], AbstractAsyncContextManager[Runtime]]
"""Opens another runtime on the same engine, for the owner that is named."""

OWNER: Final = "conformance"
"""The owner of the fixture `runtime`."""

_LIMIT_S: Final = 100.0
_SCRIPTS: Final = {
    "echo": "echo {}",
    "both": "echo out; echo err >&2; echo out2",
    "exit": "exit {}",
    "sleep": "sleep {}",
    "stubborn": "trap '' TERM; echo ready; sleep 600",
    "polite": "trap 'exit 5' TERM; echo ready; while :; do sleep 0.02; done",
    "count": "seq 1 {}",
    "tick": "for i in $(seq 1 {}); do echo $i; sleep 0.05; done",
    "long": "head -c {} /dev/zero | tr '\\0' x; echo; echo end",
    "printf": "printf '{}'",
    "hog": "tail /dev/zero",
    "hog-child": "(tail /dev/zero); exit 3",
    "sh": "{}",
}


class Names(NamedTuple):
    """Images that cannot be had, each for its own reason."""

    missing: str
    wrong_digest: str
    unreachable: str


class Harness:
    """Base of the suite's parts. A subclass gives the fixtures `runtime`, `reopen` and `names`."""

    image = "busybox:1.35"
    """An image that is on the host."""

    has_files: bool
    traps_signals: bool
    # What these two mean is declared, with all other differences, in `RuntimeConformance`.

    def task(self, what: str, *arguments: object) -> tuple[str, ...]:
        """Return the command line of a task that does *what*, a key of `_SCRIPTS`."""
        return ("sh", "-c", _SCRIPTS[what].format(*arguments))

    @pytest_asyncio.fixture(autouse=True)
    async def clean(self, runtime: Runtime) -> AsyncIterator[None]:
        """Remove what a test leaves."""
        yield
        for found in await runtime.list():
            await runtime.remove(found.handle)

    async def spec(
        self, runtime: Runtime, command: tuple[str, ...], *, image: str = "", **fields: Any
    ) -> ContainerSpec:
        """Describe a container of a pod of its own; *fields* are those of `ContainerSpec`."""
        pod_uid = uuid.uuid4().hex[:12]
        spec = ContainerSpec(
            key=ContainerKey(pod_uid=pod_uid, container="main"),
            sandbox=await runtime.create_sandbox(sandbox_spec(pod_uid)),
            image=await runtime.pull(ImagePull(image=image or self.image)),
            spec_hash="h1",
            command=command,
        )
        return msgspec.structs.replace(spec, **fields)

    async def begin(self, runtime: Runtime, command: tuple[str, ...], **fields: Any) -> Handle:
        """Start a container of a pod of its own."""
        return await runtime.start(await self.spec(runtime, command, **fields))

    async def run(
        self, runtime: Runtime, command: tuple[str, ...], **fields: Any
    ) -> tuple[Exit, bytes]:
        """Run a container to its end; return how it ended and all that it wrote to stdout."""
        handle = await self.begin(runtime, command, **fields)
        end = await within(runtime.wait(handle))
        return end, text(await read(runtime, handle))


def sandbox_spec(pod_uid: str, *, shared: bool = False) -> SandboxSpec:
    """Describe the sandbox of a pod that is called `pod`."""
    return SandboxSpec(
        key=ContainerKey(pod_uid=pod_uid, container=""),
        pod_name="pod",
        pod_namespace="default",
        hostname="pod-host",
        shared=shared,
    )


async def within(work: Awaitable[_T], limit_s: float = _LIMIT_S) -> _T:
    """Await *work*, but not for ever."""
    async with asyncio.timeout(limit_s):
        return await work


async def read(
    runtime: Runtime, handle: Handle, position: str = "", *, follow: bool = True
) -> list[LogBatch]:
    """Read a log from *position* to its end."""
    async with asyncio.timeout(_LIMIT_S):
        return [batch async for batch in runtime.logs(handle, position, follow=follow)]


async def read_until(runtime: Runtime, handle: Handle, wanted: bytes, position: str = "") -> str:
    """Follow a log until *wanted* was printed; return the position after it."""
    seen = b""
    async with asyncio.timeout(_LIMIT_S), aclosing(runtime.logs(handle, position)) as batches:  # type: ignore[type-var] # an async generator, by the protocol only an iterator
        async for batch in batches:
            seen += b"".join(run.data for run in batch.runs)
            if wanted in seen:
                return batch.position
    raise AssertionError(f"the log has ended without {wanted!r}")


async def next_batch(runtime: Runtime, handle: Handle, position: str = "") -> LogBatch | None:
    """Return what comes next after *position*, or None at the end of the log."""
    async with asyncio.timeout(_LIMIT_S), aclosing(runtime.logs(handle, position)) as batches:  # type: ignore[type-var] # as above
        return await anext(batches, None)


def runs(batches: list[LogBatch]) -> list[LogRun]:
    """Return the runs of all batches."""
    return [run for batch in batches for run in batch.runs]


def text(batches: list[LogBatch], stream: int = STDOUT) -> bytes:
    """Join what one stream wrote."""
    return b"".join(run.data for run in runs(batches) if run.stream == stream)
