"""Who is told of a change: subscriptions that never grow beyond one entry per pod, however slow the
client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from argoexec_cli.models.record import PodQuery, PodRecord, PodUpdate
from argoexec_cli.models.selector import parse_selector

_KEPT_EVENTS = 200
_MAX_DIGITS = 18


def matcher(query: PodQuery) -> Callable[[PodRecord], bool]:
    """Return a predicate for the pods that *query* names. `InvalidError` for a bad selector."""
    labels = parse_selector(query.selector)

    def matches(record: PodRecord) -> bool:
        meta = record.pod.metadata
        return (
            query.namespace in ("", meta.namespace)
            and query.name in ("", meta.name)
            and query.phase in ("", record.pod.status.phase)
            and labels(meta.labels)
        )

    return matches


class Subscription:
    """One watcher's pending updates, the latest per pod; events of updates that were merged are
    kept together.
    """

    def __init__(self, matches: Callable[[PodRecord], bool]) -> None:
        """Take updates of pods that match."""
        self._matches = matches
        self._pending: dict[str, PodUpdate] = {}
        self._wake = asyncio.Event()

    def offer(self, update: PodUpdate) -> None:
        """Add an update; never blocks, never grows beyond one entry per pod."""
        assert update.record is not None  # noqa: S101 - only SYNCED has none, and nobody publishes it
        if not self._matches(update.record):
            return
        uid = update.record.pod.metadata.uid
        if earlier := self._pending.pop(uid, None):
            update = _merge(earlier, update)
        self._pending[uid] = update
        self._wake.set()

    async def take(self) -> list[PodUpdate]:
        """Wait for updates and return all that are pending, in the order of their revisions."""
        await self._wake.wait()
        self._wake.clear()
        updates, self._pending = list(self._pending.values()), {}
        return sorted(updates, key=lambda update: update.record.revision if update.record else 0)


class Hub:
    """All watchers of an executor."""

    def __init__(self, store_id: str) -> None:
        """Make tokens that only this executor's database understands."""
        self._store_id = store_id
        self._subscriptions: set[Subscription] = set()

    def subscribe(self, query: PodQuery) -> Subscription:
        """Start collecting updates for a watcher."""
        subscription = Subscription(matcher(query))
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Stop collecting. May be called twice."""
        self._subscriptions.discard(subscription)

    def publish(self, update: PodUpdate) -> None:
        """Tell every watcher of a change that is durable."""
        for subscription in self._subscriptions:
            subscription.offer(update)

    def token(self, revision: int) -> str:
        """Return the token that resumes after *revision*."""
        return f"{self._store_id}.{revision}"

    def revision(self, token: str, floor: int, last: int) -> int:
        """Return the revision after which to resume; 0 (everything) for a token that is older than
        *floor*, younger than *last* (the database is an old copy), or somebody else's.
        """
        store_id, _, number = token.rpartition(".")
        ours = store_id == self._store_id and number.isdecimal() and len(number) <= _MAX_DIGITS
        revision = int(number) if ours else 0
        return revision if floor <= revision <= last else 0


def _merge(earlier: PodUpdate, later: PodUpdate) -> PodUpdate:
    if earlier.record is None or later.record is None:
        return later
    events = (*earlier.record.events, *later.record.events)[-_KEPT_EVENTS:]
    kind = "ADDED" if earlier.type == "ADDED" and later.type == "MODIFIED" else later.type
    return msgspec.structs.replace(
        later, type=kind, record=msgspec.structs.replace(later.record, events=events)
    )
