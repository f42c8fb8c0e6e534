"""The shipped cases in a cluster, whose kubelet is the scripted runtime."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from argoexec_cli.executors.kubernetes.executor import open_kubernetes
from argoexec_cli.executors.local.policy import Policy
from argoexec_cli.models.executor import Executor
from tests.executors.casebook import Casebook, without
from tests.kube.cluster import FakeCluster
from tests.kube.kubelet import running_kubelet

OTHERWISE = {
    "streams-are-told-apart": "the API has one log",
    "more-cpu-than-the-host-has": "a cluster may grow: the pod waits",
    "more-memory-than-the-host-has": "a cluster may grow: the pod waits",
    "a-variable-of-a-missing-config-map": "the cluster's may come later: the pod waits",
    "a-variable-of-a-missing-key": "the cluster's may come later: the pod waits",
    "a-volume-of-a-missing-config-map": "the cluster's may come later: the pod waits",
    "a-volume-of-a-missing-secret": "the cluster's may come later: the pod waits",
    "a-volume-of-a-missing-key": "the cluster's may come later: the pod waits",
    "an-exit-code-fails-the-pod": "the API has one log",
    "fields-of-the-pod": "inside, metadata.uid is the cluster's",
    "a-stop-ends-a-running-pod": "a grace is at least one second",
    "a-stop-reaches-all-containers": "a grace is at least one second",
    "a-directory-of-the-host-that-is-not-there": "the directory is the node's",
}
"""What a cluster does otherwise, and why that is right there."""


class ClusterPlace:
    """An executor on a cluster of its own."""

    restarts = True

    def __init__(self, kubeconfig: Path, policy: Policy) -> None:
        """Prepare; `restart` opens it the first time too."""
        self._kubeconfig, self._policy = kubeconfig, policy
        self._stack = AsyncExitStack()
        self.executor: Executor

    async def restart(self) -> None:
        """Close the executor, if it is open, and open it again."""
        await self.close()
        opened = open_kubernetes([self._kubeconfig], "", self._policy)
        self.executor = await self._stack.enter_async_context(opened)

    async def close(self) -> None:
        """Close the executor."""
        await self._stack.aclose()


class TestInACluster(Casebook):
    """All cases that a cluster can do."""

    cases = tuple(
        case
        for case in without("processes", "limits", "output-files")
        if case.name not in OTHERWISE
    )

    @pytest.fixture(scope="class")
    @classmethod
    def runtime(cls) -> None:
        """The kubelet has its own."""

    @asynccontextmanager
    async def _place(  # type: ignore[override] # a cluster in place of a runtime
        self, _: Any, directory: Path, policy: Policy
    ) -> AsyncIterator[ClusterPlace]:
        directory.mkdir(parents=True)  # noqa: ASYNC240 - the test's own directory
        with FakeCluster() as cluster:
            cluster.split_streams = True
            kubeconfig = cluster.kubeconfig(directory / "kubeconfig")
            async with running_kubelet(cluster, directory / "kubelet", policy):
                place = ClusterPlace(kubeconfig, policy)
                try:
                    await place.restart()
                    yield place
                finally:
                    await place.close()
