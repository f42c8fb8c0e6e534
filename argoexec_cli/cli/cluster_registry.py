"""The registry of executors where it is a ConfigMap in a cluster, followed as it changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Final

from argoexec_cli.aio import Tasks
from argoexec_cli.cli.registered import read_data
from argoexec_cli.controller.registry import CONFIG_MAP, Registry
from argoexec_cli.errors import ArgoexecError, InvalidError
from argoexec_cli.kube.base import Kube, Select
from argoexec_cli.kube.connecting import open_cluster
from argoexec_cli.kube.follow import Change, Follower
from argoexec_cli.kube.resources import CONFIG_MAPS

_log = logging.getLogger(__name__)
_AGAIN_S: Final = 5.0


@asynccontextmanager
async def open_cluster_registry(
    files: Sequence[Path], context: str, namespace: str
) -> AsyncIterator[ClusterRegistry]:
    """Follow the registry in *namespace* of the cluster of a kubeconfig; it is known at once.

    `DeniedError` names the rule that is missing, `UnavailableError` comes from a cluster that is
    away. Later it may be away: what was said last counts.
    """
    async with open_cluster(files, context) as cluster:
        registry = ClusterRegistry(cluster.client, namespace)
        await registry.look()
        tasks = Tasks()
        tasks.spawn(registry.follow(), name=f"registry in {namespace}")
        try:
            yield registry
        finally:
            await tasks.stop()


class ClusterRegistry:
    """Knows what the ConfigMap says, as far as it is followed; none is an empty registry."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        """Ask nothing yet."""
        self._kube, self._namespace = kube, namespace
        self._registry = Registry()
        self._wrong: InvalidError | None = None

    def read(self) -> Registry:
        """Return the registry as it is now. `InvalidError` for one that cannot be understood."""
        if self._wrong is not None:
            raise self._wrong
        return self._registry

    async def look(self) -> None:
        """Read it once."""
        found = await self._kube.list(CONFIG_MAPS, self._namespace, self._select)
        for one in found.items:
            self._take(Change("ADDED", one))

    async def follow(self) -> None:
        """Read every change, for ever."""
        while True:
            follower = Follower(self._kube, CONFIG_MAPS, self._namespace, self._select)
            try:
                async with aclosing(follower.changes()) as changes:
                    async for change in changes:
                        if change.type != "SYNCED":
                            self._take(change)
                        elif not follower.known:
                            self._registry, self._wrong = Registry(), None
            except ArgoexecError as exc:
                _log.warning("the registry in the cluster cannot be followed: %s", exc.message)
            await asyncio.sleep(_AGAIN_S)

    @property
    def _select(self) -> Select:
        return Select(fields=f"metadata.name={CONFIG_MAP}")

    def _take(self, change: Change) -> None:
        data = {} if change.type == "DELETED" else change.object.get("data") or {}
        try:
            self._registry, self._wrong = read_data(data), None
        except InvalidError as exc:
            self._wrong = exc
            _log.warning("the registry in the cluster cannot be understood: %s", exc.message)
