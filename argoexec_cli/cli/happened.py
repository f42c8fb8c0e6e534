"""What happened to pods: their events, as rows and documents."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final, NamedTuple

from argoexec_cli.cli.connect import Server
from argoexec_cli.cli.durations import render_age
from argoexec_cli.cli.follow import closing
from argoexec_cli.models.base import encode
from argoexec_cli.models.record import PodEvent, PodQuery, PodRecord

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


async def past(server: Server, namespace: str, name: str = "") -> list[Happening]:
    """Return every event that is kept, of one pod or (an empty name) of all; the oldest first."""
    found: list[Happening] = []
    query = PodQuery(namespace=namespace, name=name)
    async with closing(server.executor.watch_pods(query)) as updates:
        async for update in updates:
            if update.type == "SYNCED":
                break
            found += happenings(update.record) if update.record else []
    return sorted(found, key=lambda each: each.event.time)


async def to_come(server: Server, namespace: str, name: str = "") -> AsyncIterator[Happening]:
    """Yield every event that is kept and every one to come, for ever."""
    query = PodQuery(namespace=namespace, name=name)
    async with closing(server.executor.watch_pods(query)) as updates:
        async for update in updates:
            if update.record is not None and update.type != "DELETED":
                for each in happenings(update.record):
                    yield each
