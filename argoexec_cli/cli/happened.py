"""What happened to pods: their events, as rows and documents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from argoexec_cli.cli.connect import Server
from argoexec_cli.cli.durations import render_age
from argoexec_cli.cli.follow import closing
from argoexec_cli.errors import NotFoundError
from argoexec_cli.models.base import encode
from argoexec_cli.models.record import PodEvent, PodQuery, PodRecord, PodRef

_AT_ONCE: Final = 16
HEADER: Final = ("AGE", "TYPE", "REASON", "OBJECT", "MESSAGE")


class Happening(NamedTuple):
    """An event and the pod that it happened to."""

    namespace: str
    pod: str
    event: PodEvent

    def row(self, now: datetime) -> list[str]:
        """Render as one line of a table."""
        event = self.event
        times = f" (x{event.count})" if event.count > 1 else ""
        age = render_age((now - event.time).total_seconds())
        message = " ".join(event.message.split()) + times
        return [age, event.type, event.reason, f"pod/{self.pod}", message]

    def document(self) -> dict[str, Any]:
        """Return plain data: the event's fields, the namespace and the pod."""
        return {"namespace": self.namespace, "pod": self.pod, **encode(self.event)}


def happenings(record: PodRecord) -> list[Happening]:
    """Return the events that a record carries."""
    meta = record.pod.metadata
    return [Happening(meta.namespace, meta.name, event) for event in record.events]


async def past(server: Server, refs: Sequence[PodRef]) -> list[Happening]:
    """Return every event of the pods that is kept, the oldest first."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def ask(ref: PodRef) -> list[Happening]:
        async with gate:
            try:
                return happenings(await server.executor.get_pod(ref))
            except NotFoundError:
                return []  # Its pod is gone, or is at another executor.

    found = await asyncio.gather(*(ask(ref) for ref in refs))
    return sorted((each for one in found for each in one), key=lambda each: each.event.time)


async def from_now_on(
    server: Server, namespace: str, refs: Sequence[PodRef]
) -> AsyncIterator[list[Happening]]:
    """Yield what has happened to the pods, then what happens, for ever.

    Several pods are all pods of the namespace (empty: of all), those to come included.
    """
    name = refs[0].name if len(refs) == 1 else ""
    seen: set[Happening] = set()
    query, synced = PodQuery(namespace=namespace, name=name), False
    async with closing(server.executor.watch_pods(query)) as updates:
        async for update in updates:
            if update.type == "SYNCED" and not synced:
                synced, batch = True, await past(server, refs)
            elif synced and update.record is not None and update.type != "DELETED":
                # The watch was open while the past was asked for: the two overlap.
                batch = [each for each in happenings(update.record) if each not in seen]
            else:
                continue
            seen.update(batch)
            yield batch
