"""An executor that keeps its pods in memory and does with them what a test says."""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Literal

import msgspec

from argoexec_cli.aio import Signal
from argoexec_cli.errors import AlreadyExistsError, InvalidError, NotFoundError
from argoexec_cli.models.executor import ExecutorInfo
from argoexec_cli.models.logs import STDOUT, LogChunk, LogQuery
from argoexec_cli.models.meta import ObjectMeta
from argoexec_cli.models.pod import Container, Pod, PodSpec
from argoexec_cli.models.record import (
    PodEvent,
    PodPage,
    PodQuery,
    PodRecord,
    PodRef,
    PodRequest,
    PodUpdate,
)
from argoexec_cli.models.selector import parse_selector
from argoexec_cli.models.status import Phase, PodStatus

Kind = Literal["ADDED", "MODIFIED", "DELETED"]
NOW = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)


def request(name: str = "echo", *, image: str = "busybox", uid: str = "") -> PodRequest:
    """Make a request for a small pod."""
    spec = PodSpec(containers=(Container(name="main", image=image),))
    return PodRequest(Pod(metadata=ObjectMeta(name=name, namespace="default", uid=uid), spec=spec))


def ref(name: str = "echo") -> PodRef:
    """Name the pod that `request` asks for."""
    return PodRef(name=name)


class MemoryExecutor:
    """Implements `models.executor.Executor`; every step of a pod's life is a call of the test."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], PodRecord] = {}
        self.events: dict[str, list[PodEvent]] = {}
        self.changes: list[tuple[int, Kind, PodRecord, PodEvent | None]] = []
        self.lines: list[bytes] = []
        self.ended = False
        self.stopped: list[tuple[PodRef, float | None]] = []
        self.changed = Signal()
        self.watchers = 0
        self.asked: list[LogQuery] = []
        self.described = ExecutorInfo(name="memory", version="0", capabilities=("a", "b"))
        self._specs: dict[str, PodSpec] = {}
        self._revision = 0

    def change(
        self, name: str, phase: Phase, *, event: str = "", count: int = 1, kind: Kind = "MODIFIED"
    ) -> None:
        """Move a pod to *phase*, with an event when a reason is given."""
        record = self.records["default", name]
        happened = PodEvent(time=NOW, reason=event, count=count) if event else None
        if happened:
            self.events[record.pod.metadata.uid].append(happened)
        pod = msgspec.structs.replace(record.pod, status=PodStatus(phase=phase))
        self._store(pod, kind, happened)

    def write(self, line: bytes) -> None:
        """Add a line to the one log that there is."""
        self.lines.append(line)
        self.changed.fire()

    def end_log(self) -> None:
        """Say that nothing more will be written."""
        self.ended = True
        self.changed.fire()

    async def run_pod(self, request: PodRequest) -> PodRecord:
        pod = request.pod
        meta = pod.metadata
        if known := self.records.get((meta.namespace, meta.name)):
            if self._specs[known.pod.metadata.uid] != pod.spec:
                raise AlreadyExistsError(f"{known.ref} is another pod", hint="argoexec delete")
            return known
        uid = meta.uid or f"uid-{self._revision}"
        self._specs[uid], self.events[uid] = pod.spec, []
        meta = msgspec.structs.replace(meta, uid=uid, creation_timestamp=NOW)
        status = PodStatus(phase="Pending")
        return self._store(msgspec.structs.replace(pod, metadata=meta, status=status), "ADDED")

    async def get_pod(self, ref: PodRef) -> PodRecord:
        return self._full(self._find(ref))

    async def list_pods(self, query: PodQuery) -> PodPage:
        selected = parse_selector(query.selector)
        found = [
            record
            for record in self.records.values()
            if query.name in ("", record.pod.metadata.name)
            and query.phase in ("", record.pod.status.phase)
            and selected(record.pod.metadata.labels)
        ]
        start, limit = int(query.page_token or 0), query.limit or 100
        rest = str(start + limit) if start + limit < len(found) else ""
        return PodPage(tuple(found[start : start + limit]), rest)

    async def watch_pods(self, query: PodQuery, token: str = "") -> AsyncIterator[PodUpdate]:
        self.watchers += 1
        self.changed.fire()
        try:
            seen = int(token or 0)
            if not token:
                for record in list(self.records.values()):
                    if query.name in ("", record.pod.metadata.name):
                        yield PodUpdate("ADDED", self._full(record), str(self._revision))
                seen = self._revision
            synced = False
            while True:
                changed = self.changed.next()
                for number, kind, record, event in self.changes:
                    if number > seen and query.name in ("", record.pod.metadata.name):
                        events = (event,) if event else ()
                        news = msgspec.structs.replace(record, events=events)
                        yield PodUpdate(kind, news, str(number))
                seen = self._revision
                if not synced:
                    synced = True
                    yield PodUpdate("SYNCED", token=str(seen))
                await changed()
        finally:
            self.watchers -= 1
            self.changed.fire()

    async def stop_pod(self, ref: PodRef, grace_s: float | None = None) -> None:
        self._find(ref)
        self.stopped.append((ref, grace_s))

    async def delete_pod(self, ref: PodRef) -> None:
        record = self._find(ref)
        self._store(record.pod, "DELETED")
        del self.records[ref.namespace, ref.name]

    async def pod_logs(self, ref: PodRef, query: LogQuery) -> AsyncIterator[LogChunk]:
        self.asked.append(query)
        self._find(ref)
        if query.container not in ("", "main"):
            raise InvalidError(f"{query.container} is no container", hint="-c main")
        start, left = int(query.cursor or 0), query.limit_bytes or 1 << 60
        if query.tail_lines is not None:
            start = max(0, len(self.lines) - query.tail_lines)
        while left > 0:
            changed = self.changed.next()
            if start < len(self.lines):
                data = self.lines[start][:left]
                start, left = start + 1, left - len(data)
                yield LogChunk(
                    data,
                    array("I", [len(data)]),
                    array("q", [start]),
                    array("B", [STDOUT]),
                    str(start),
                )
            elif self.ended or not query.follow:
                return
            else:
                await changed()

    async def info(self) -> ExecutorInfo:
        return self.described

    def _store(self, pod: Pod, kind: Kind, event: PodEvent | None = None) -> PodRecord:
        self._revision += 1
        record = PodRecord(pod, revision=self._revision)
        self.records[pod.metadata.namespace, pod.metadata.name] = record
        self.changes.append((self._revision, kind, record, event))
        self.changed.fire()
        return record

    def _full(self, record: PodRecord) -> PodRecord:
        events = tuple(self.events[record.pod.metadata.uid])
        return msgspec.structs.replace(record, events=events)

    def _find(self, ref: PodRef) -> PodRecord:
        record = self.records.get((ref.namespace, ref.name))
        if record is None or ref.uid not in ("", record.pod.metadata.uid):
            raise NotFoundError(f"there is no pod {ref}", hint="argoexec list")
        return record
