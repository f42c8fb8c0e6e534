"""What the rpc RunPod adds to an executor: accept a pod, then follow it until it has ended."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import cast

import msgspec

from argoexec_cli.errors import NotFoundError
from argoexec_cli.models.executor import Executor
from argoexec_cli.models.record import (
    PodEvent,
    PodQuery,
    PodRecord,
    PodRequest,
    PodUpdate,
)


async def run_and_follow(
    executor: Executor, request: PodRequest
) -> AsyncGenerator[PodRecord, None]:
    """Yield the record once it is durable, then at each change; the last one is terminal.

    Every event comes once, and again when its count has grown. Closing this generator stops
    nothing. `NotFoundError` when the pod is deleted before it has ended.
    """
    first = await executor.run_pod(request)
    if not first.events:
        # An executor need not tell them when it accepts, but who attaches late wants them all.
        first = await executor.get_pod(first.ref)
    news = _News(first)
    yield first
    if first.pod.status.terminal:
        return
    ref = first.ref
    updates = executor.watch_pods(PodQuery(namespace=ref.namespace, name=ref.name))
    try:
        async for update in updates:
            record = update.record
            if record is not None and record.ref.uid == ref.uid:
                if (fresh := news.take(record)) is not None:
                    yield fresh
                if record.pod.status.terminal:
                    return
            if _gone(update, ref.uid, seen=news.seen):
                raise NotFoundError(f"{ref} was deleted before it had ended")
    finally:
        await close(updates)


async def close(stream: AsyncIterator[object]) -> None:
    """Close *stream* now, if it is a generator, and not whenever it is collected."""
    if hasattr(stream, "aclose"):
        await cast("AsyncGenerator[object, None]", stream).aclose()


def _gone(update: PodUpdate, uid: str, *, seen: bool) -> bool:
    """Whether *update* says that the pod is no more: deleted now, or missing in the replay."""
    if update.type == "SYNCED":
        return not seen
    return (
        update.type == "DELETED"
        and update.record is not None
        and update.record.pod.metadata.uid == uid
    )


class _News:
    """Takes out of a watch's records what the client has not heard yet."""

    def __init__(self, first: PodRecord) -> None:
        self._revision = first.revision
        self._counts = {_identity(event): event.count for event in first.events}
        self.seen = False

    def take(self, record: PodRecord) -> PodRecord | None:
        """Return *record* with its new events only, or None when nothing is new."""
        self.seen = True
        events = tuple(event for event in record.events if self._is_new(event))
        if record.revision <= self._revision and not events:
            return None
        self._revision = max(self._revision, record.revision)
        return msgspec.structs.replace(record, events=events)

    def _is_new(self, event: PodEvent) -> bool:
        identity = _identity(event)
        if event.count <= self._counts.get(identity, 0):
            return False
        self._counts[identity] = event.count
        return True


def _identity(event: PodEvent) -> tuple[str, str, str, str]:
    return event.type, event.reason, event.message, event.container
