"""The registry in a cluster, as a daemon sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from argoexec_cli.cli.cluster_registry import ClusterRegistry, open_cluster_registry
from argoexec_cli.controller.registry import CONFIG_MAP
from argoexec_cli.errors import DeniedError, InvalidError, UnavailableError
from argoexec_cli.kube.resources import CONFIG_MAPS
from tests.kube.cluster import FakeCluster

EXECUTORS = "edge:\n  endpoint: 10.0.0.1:7401\n  tls: {ca: /etc/ca.crt}\n"


def say(cluster: FakeCluster, **data: str) -> None:
    """Have the ConfigMap say this."""
    cluster.add(CONFIG_MAPS, {"metadata": {"name": CONFIG_MAP}, "data": data}, namespace="argo")


async def until(test: Callable[[], bool]) -> None:
    """Wait until *test* is true; fails after a while."""
    async with asyncio.timeout(60):
        while not test():  # noqa: ASYNC110 - the other side is a thread without events
            await asyncio.sleep(0.01)


def wrong(registry: ClusterRegistry) -> bool:
    """Tell whether the registry cannot be understood."""
    try:
        registry.read()
    except InvalidError:
        return True
    return False


async def test_it_is_known_at_once_and_followed(cluster: FakeCluster, kubeconfig: Path) -> None:
    say(cluster, executor="edge", executors=EXECUTORS)
    async with open_cluster_registry([kubeconfig], "", "argo") as registry:
        assert registry.read().default == "edge"
        endpoint = registry.read().endpoint("edge")
        assert (endpoint.server, endpoint.tls and endpoint.tls.ca) == (
            "10.0.0.1:7401",
            "/etc/ca.crt",
        )
        say(cluster, executor="local", executors=EXECUTORS)
        await until(lambda: registry.read().default == "local")
        say(cluster, executors="edge: nonsense")
        await until(lambda: wrong(registry))
        say(cluster, executor="again")
        await until(lambda: not wrong(registry) and registry.read().default == "again")
        cluster.store.remove(CONFIG_MAPS, "argo", CONFIG_MAP)
        await until(lambda: registry.read().default == "")


async def test_what_was_deleted_while_nobody_watched_is_gone(
    cluster: FakeCluster, kubeconfig: Path
) -> None:
    say(cluster, executor="edge")
    async with open_cluster_registry([kubeconfig], "", "argo") as registry:
        await until(lambda: bool(cluster.calls("watch", "configmaps")))
        cluster.fail(410, "watch", "configmaps")
        cluster.store.remove(CONFIG_MAPS, "argo", CONFIG_MAP)
        cluster.store.forget_history()
        cluster.close_watches()
        await until(lambda: registry.read().default == "")


async def test_a_missing_right_or_cluster_ends_the_start(
    cluster: FakeCluster, kubeconfig: Path, tmp_path: Path
) -> None:
    cluster.fail(403, "list", "configmaps")
    with pytest.raises(DeniedError, match="may not list configmaps"):
        async with open_cluster_registry([kubeconfig], "", "argo"):
            pass
    with FakeCluster() as gone:
        path = gone.kubeconfig(tmp_path / "gone")
    with pytest.raises(UnavailableError):
        async with open_cluster_registry([path], "", "argo"):
            pass
