"""A small executor in memory: a real implementation of the protocol, whose pods end when told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from argoexec_cli.aio import Signal
from argoexec_cli.errors import AlreadyExistsError, ArgoexecError, NotFoundError
from argoexec_cli.models.executor import ExecutorInfo
from argoexec_cli.models.logs import LogChunk, LogQuery
from argoexec_cli.models.record import (
    PodOutputs,
    PodPage,
    PodQuery,
    PodRecord,
    PodRef,
    PodRequest,
    PodUpdate,
)
from argoexec_cli.models.selector import parse_selector
from argoexec_cli.models.status import (
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStatus,
    PodStatus,
)

if TYPE_CHECKING:
    from argoexec_cli.models.executor import Executor

_LIMIT_S = 60.0


class MemoryExecutor:
    """Pods stay Pending until `start`, Running until `finish`. `fail_with` makes calls raise."""

    def __init__(self) -> None:
        """Start without pods."""
        self.requests: dict[str, PodRequest] = {}
        self.records: dict[str, PodRecord] = {}
        self.fail_with: ArgoexecError | None = None
        self.run_calls = 0
        self.watches = 0
        self.stopped: list[str] = []
        self._revision = 0
        self._changes: list[PodUpdate] = []
        self._signal = Signal()
        self.hold_at_run: asyncio.Event | None = None

    def start(self, name: str) -> None:
        """Have the pod run."""
        state = ContainerState(running=ContainerStateRunning(datetime.now(UTC)))
        self._set(name, PodStatus(phase="Running", container_statuses=(_main(state),)))

    def finish(self, name: str, exit_code: int = 0, *, result: str = "", reason: str = "") -> None:
        """Have the pod's container end."""
        ended = ContainerStateTerminated(
            exit_code=exit_code,
            reason=reason or ("Error" if exit_code else "Completed"),
            finished_at=datetime.now(UTC),
        )
        status = PodStatus(
            phase="Failed" if exit_code else "Succeeded",
            container_statuses=(_main(ContainerState(terminated=ended)),),
        )
        self._set(name, status, PodOutputs(result=result, exit_code=str(exit_code)))

    def set_status(self, name: str, status: PodStatus) -> None:
        """Give the pod any status."""
        self._set(name, status)

    def forget(self, name: str) -> None:
        """Lose the pod."""
        record = self._find(PodRef(name=name))
        del self.records[record.pod.metadata.uid]
        self._tell("DELETED", record)

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until the condition holds, which depends on nothing but this executor."""
        async with asyncio.timeout(_LIMIT_S):
            while True:
                waiter = self._signal.next()
                if condition():
                    return
                await waiter()

    def _find(self, ref: PodRef) -> PodRecord:
        for record in self.records.values():
            meta = record.pod.metadata
            if meta.name == ref.name and ref.uid in ("", meta.uid):
                return record
        raise NotFoundError(f"pod {ref} not found")

    def _set(self, name: str, status: PodStatus, outputs: PodOutputs | None = None) -> None:
        record = self._find(PodRef(name=name))
        self._revision += 1
        pod = msgspec.structs.replace(record.pod, status=status)
        record = PodRecord(pod, outputs or PodOutputs(), (), self._revision)
        self.records[pod.metadata.uid] = record
        self._tell("MODIFIED", record)

    def _tell(self, kind: str, record: PodRecord) -> None:
        update = msgspec.convert({"type": kind, "token": str(len(self._changes) + 1)}, PodUpdate)
        self._changes.append(msgspec.structs.replace(update, record=record))
        self._signal.fire()

    def _check(self) -> None:
        if self.fail_with is not None:
            raise self.fail_with

    async def run_pod(self, request: PodRequest) -> PodRecord:
        """Accept the pod, or return the one that is there."""
        self.run_calls += 1
        self._signal.fire()
        if self.hold_at_run is not None:
            await self.hold_at_run.wait()
        self._check()
        meta = request.pod.metadata
        if found := self.records.get(meta.uid):
            return found
        for record in self.records.values():
            if record.pod.metadata.name == meta.name:
                raise AlreadyExistsError(f"pod {meta.name} exists already")
        self._revision += 1
        pod = msgspec.structs.replace(request.pod, status=PodStatus(phase="Pending"))
        record = PodRecord(pod, revision=self._revision)
        self.requests[meta.name], self.records[meta.uid] = request, record
        self._tell("ADDED", record)
        return record

    async def get_pod(self, ref: PodRef) -> PodRecord:
        """Return the pod."""
        self._check()
        return self._find(ref)

    async def list_pods(self, query: PodQuery) -> PodPage:
        """Return all pods."""
        self._check()
        return PodPage(tuple(self.records.values()))

    async def watch_pods(self, query: PodQuery, token: str = "") -> AsyncGenerator[PodUpdate, None]:
        """Replay the changes after *token*, then follow."""
        matches = parse_selector(query.selector)
        self.watches += 1
        at = int(token or 0)
        synced = False
        while True:
            self._check()
            waiter = self._signal.next()
            while at < len(self._changes):
                update = self._changes[at]
                at += 1
                if update.record and matches(update.record.pod.metadata.labels):
                    yield update
            if not synced:
                synced = True
                yield PodUpdate("SYNCED", token=str(at))
            await waiter()

    def break_watches(self, error: ArgoexecError) -> None:
        """Fail all calls with *error* until `fail_with` is None again; end the watches."""
        self.fail_with = error
        self._signal.fire()

    async def stop_pod(self, ref: PodRef, grace_s: float | None = None) -> None:
        """End the pod as if by TERM."""
        self._check()
        record = self._find(ref)
        if not record.pod.status.terminal:
            self.stopped.append(ref.name)
            self._set(ref.name, PodStatus(phase="Failed", reason="Stopped", message="stopped"))

    async def delete_pod(self, ref: PodRef) -> None:
        """Forget the pod."""
        self._check()
        self._find(ref)
        self.forget(ref.name)

    def pod_logs(self, ref: PodRef, query: LogQuery) -> AsyncIterator[LogChunk]:
        """Say that there are no logs here."""
        raise NotFoundError("no logs")

    async def info(self) -> ExecutorInfo:
        """Describe this."""
        return ExecutorInfo(name="memory", version="0")


def _main(state: ContainerState) -> ContainerStatus:
    return ContainerStatus(name="main", state=state)


if TYPE_CHECKING:
    _: type[Executor] = MemoryExecutor
