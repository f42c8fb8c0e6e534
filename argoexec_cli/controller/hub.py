"""Tells watchers what has been written. A slow one costs one pending change per run, no more."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from argoexec_cli.controller.store import Change
from argoexec_cli.models.selector import parse_selector
from argoexec_cli.models.workflow import WorkflowRun
from argoexec_cli.models.workflows import RunQuery


class Subscription:
    """The changes of the runs that match a query; of each run only the newest is kept."""

    def __init__(self, query: RunQuery) -> None:
        """Read the query. `InvalidError` for its selector."""
        self.query = query
        self._matches = parse_selector(query.selector)
        self._pending: dict[str, Change] = {}
        self._ready = asyncio.Event()

    def wants(self, run: WorkflowRun) -> bool:
        """Whether *run* is one that the query means."""
        query, meta = self.query, run.metadata
        return (
            query.namespace in ("", meta.namespace)
            and query.name in ("", meta.name)
            and query.phase in ("", run.status.phase)
            and self._matches(meta.labels)
        )

    def push(self, change: Change) -> None:
        """Add a change, in place of an older one of the same run."""
        self._pending.pop(change.run.metadata.uid, None)
        if self.wants(change.run):
            self._pending[change.run.metadata.uid] = change
            self._ready.set()

    async def take(self) -> list[Change]:
        """Wait for changes; returns all that are pending, in order of revision."""
        await self._ready.wait()
        self._ready.clear()
        taken, self._pending = list(self._pending.values()), {}
        return taken


class Hub:
    """All subscriptions; those that name one run are found without asking the others."""

    def __init__(self) -> None:
        """Start without any."""
        self._by_name: dict[str, set[Subscription]] = {}

    def add(self, subscription: Subscription) -> None:
        """Send changes to *subscription* from now on."""
        self._by_name.setdefault(subscription.query.name, set()).add(subscription)

    def remove(self, subscription: Subscription) -> None:
        """Send nothing more to *subscription*."""
        name = subscription.query.name
        self._by_name[name].discard(subscription)
        if not self._by_name[name]:
            del self._by_name[name]

    def publish(self, changes: Iterable[Change]) -> None:
        """Tell of changes, which are in order of revision."""
        for change in changes:
            for name in ("", change.run.metadata.name):
                for subscription in self._by_name.get(name, ()):
                    subscription.push(change)
