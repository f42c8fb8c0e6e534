"""A daemon in whose name pods run in a cluster."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from argoexec_cli.controller.registry import CONFIG_MAP
from argoexec_cli.kube.resources import CONFIG_MAPS, PODS
from tests.cli.conftest import ARGOEXEC, POD, Cli
from tests.kube.cluster import FakeCluster
from tests.kube.kubelet import running_kubelet

WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: hello}
spec:
  entrypoint: main
  templates:
  - {name: main, container: {image: busybox, command: [sh, -c, "echo from the cluster"]}}
"""


@contextmanager
def kubelet(cluster: FakeCluster, directory: Path) -> Iterator[None]:
    """Run a kubelet in a thread."""
    ready, done = threading.Event(), threading.Event()

    async def serve() -> None:
        async with running_kubelet(cluster, directory):
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(40)
    try:
        yield
    finally:
        done.set()
        thread.join(40)


@pytest.fixture
def cluster_cli(
    cluster: FakeCluster, kubeconfig: Path, short_tmp: Path, request: pytest.FixtureRequest
) -> Iterator[Cli]:
    """Give the command line of a daemon that has a kubeconfig."""
    cli = Cli(short_tmp, f"unix://{short_tmp}/s.sock")
    where = ["--data-dir", str(short_tmp / "data"), "--socket", str(short_tmp / "s.sock")]
    environment = cli.environment | {"PATH": "/usr/bin:/bin", "KUBECONFIG": str(kubeconfig)}
    flags = ["--runtime", "fake", *getattr(request, "param", [])]
    with kubelet(cluster, short_tmp / "kubelet"):
        start = [*ARGOEXEC, "serve", "--detach", *flags, *where]
        subprocess.run(start, env=environment, check=True, capture_output=True, timeout=60)
        yield cli
        stop = [*ARGOEXEC, "serve", "--stop", *where]
        subprocess.run(stop, env=environment, check=True, capture_output=True, timeout=60)


def test_without_any_name_a_run_goes_to_the_cluster(cluster_cli: Cli, cluster: FakeCluster) -> None:
    outcome = cluster_cli("submit", "-", "--log", stdin=WORKFLOW)
    assert (outcome.code, outcome.out) == (0, "from the cluster\n"), outcome.err
    assert [pod["metadata"]["name"] for pod in cluster.store.all(PODS)] == ["hello"]
    assert cluster_cli("delete", "hello").code == 0
    assert cluster.store.all(PODS) == []


@pytest.fixture
def registered(cluster: FakeCluster) -> None:
    """Have the cluster's registry say that runs go to the daemon itself."""
    manifest = {"metadata": {"name": CONFIG_MAP}, "data": {"executor": "local"}}
    cluster.add(CONFIG_MAPS, manifest, namespace="argo")


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("cluster_cli", [["--cluster"]], indirect=True)
def test_the_registry_is_the_clusters(cluster_cli: Cli, cluster: FakeCluster) -> None:
    outcome = cluster_cli("submit", "-", "--log", stdin=WORKFLOW)
    assert (outcome.code, outcome.out) == (0, "from the cluster\n"), outcome.err
    assert cluster.store.all(PODS) == []


def test_beside_a_cluster_commands_run_in_own_pods_and_not_in_the_clusters(
    cluster_cli: Cli,
) -> None:
    assert cluster_cli.pod("own", "sleep 600").code == 0
    assert cluster_cli("wait", "own", "--for", "running").code == 0
    assert cluster_cli("exec", "own", "--", "sh", "-c", "exit 7").code == 7
    assert cluster_cli("delete", "own").code == 0
    sleeping = WORKFLOW.replace("echo from the cluster", "sleep 600")
    assert cluster_cli("submit", "-", stdin=sleeping).code == 0
    assert cluster_cli("wait", "hello", "--for", "running").code == 0
    outcome = cluster_cli("exec", "hello", "--", "true")
    assert outcome.code == 2
    assert "on executor kubernetes, which cannot run commands in containers" in outcome.err
    assert cluster_cli("delete", "hello").code == 0


@pytest.mark.parametrize("cluster_cli", [["--executor", "kubernetes"]], indirect=True)
def test_a_daemon_whose_own_executor_is_the_cluster(cluster_cli: Cli, cluster: FakeCluster) -> None:
    pod = POD.format(name="p", script="echo hello; exit 3")
    outcome = cluster_cli("submit", "-", "--log", stdin=pod)
    assert (outcome.code, outcome.out) == (1, "hello\n"), outcome.err
    assert cluster.object(PODS, "p", "default")["status"]["phase"] == "Failed"


def test_a_cluster_that_is_away_ends_the_start(alone: Cli, tmp_path: Path) -> None:
    with FakeCluster() as gone:
        path = gone.kubeconfig(tmp_path / "gone")
    outcome = alone(
        "serve", "--executor", "kubernetes", "--kubeconfig", str(path), "--data-dir", str(tmp_path)
    )
    assert outcome.code == 5
    assert "the API server cannot be reached" in outcome.err


@pytest.mark.parametrize(
    "cluster_cli", [["--executor", "kubernetes", "--allow-privileged"]], indirect=True
)
def test_what_the_daemon_grants_counts_in_the_cluster(
    cluster_cli: Cli, cluster: FakeCluster
) -> None:
    pod = POD.format(name="p", script="true").replace(
        "image: busybox", "image: busybox, securityContext: {privileged: true}"
    )
    outcome = cluster_cli("submit", "-", stdin=pod)
    assert outcome.code == 0, outcome.err
    (found,) = cluster.store.all(PODS)
    assert found["spec"]["containers"][0]["securityContext"] == {"privileged": True}
