"""`argoexec register` in a cluster, from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from argoexec_cli.kube.resources import CONFIG_MAPS, DEPLOYMENTS
from tests.argo.register.installs import deployment, install
from tests.cli.conftest import Cli
from tests.kube.cluster import FakeCluster

NAME = "argo-workflows-controller-configmap"
FLAGS = ("register", "mine", "--endpoint", "10.0.0.1:7401", "--default")


class InCluster:
    """The command line with a kubeconfig."""

    def __init__(self, cli: Cli, kubeconfig: Path) -> None:
        """Name the file in the environment, as kubectl's users do."""
        self.cli, self.environment = cli, {"KUBECONFIG": str(kubeconfig)}

    def __call__(self, *words: str) -> Any:
        """Run a command in the cluster."""
        return self.cli(*words, "--cluster", **self.environment)


@pytest.fixture
def inside(alone: Cli, kubeconfig: Path) -> InCluster:
    """Give the command line where a cluster is."""
    return InCluster(alone, kubeconfig)


def registry(cluster: FakeCluster) -> dict[str, str]:
    """Return the data of the registry."""
    found = cluster.object(CONFIG_MAPS, NAME, "argo")["data"]
    assert isinstance(found, dict)
    return found


def test_an_executor_is_registered_shown_checked_and_taken_back(
    inside: InCluster, cluster: FakeCluster
) -> None:
    outcome = inside(*FLAGS, "--yes")
    assert outcome.code == 0, outcome.err
    assert registry(cluster) == {
        "executor": "mine",
        "executors": "mine:\n  endpoint: 10.0.0.1:7401\n",
    }
    assert "nothing to change" in inside(*FLAGS, "--yes").err
    assert inside("register").out.splitlines()[1].split() == ["mine", "10.0.0.1:7401", "yes"]
    assert inside(*FLAGS, "--check").code == 0
    drifted = inside("register", "mine", "--endpoint", "10.0.0.2:7401", "--check")
    assert drifted.code == 1
    assert "+      endpoint: 10.0.0.2:7401" in drifted.out
    back = inside("register", "--revert", "--yes")
    assert (back.code, back.out) == (0, f"configmap/argo/{NAME} deleted\n")
    assert cluster.store.all(CONFIG_MAPS) == []


def test_what_others_keep_there_stays_and_comes_back(
    inside: InCluster, cluster: FakeCluster
) -> None:
    before = {
        "executor": "old",
        "executors": "# ours\nold:   # keep\n    endpoint: h:1\n",
        "x": "y",
    }
    cluster.add(CONFIG_MAPS, {"metadata": {"name": NAME, "namespace": "argo"}, "data": before})
    assert inside(*FLAGS, "--yes").code == 0
    after = registry(cluster)
    assert after["x"] == "y"
    assert after["executors"].startswith(before["executors"])
    assert inside("register", "--revert", "--yes").code == 0
    assert registry(cluster) == before


def test_certificates_are_registered_too(
    inside: InCluster, cluster: FakeCluster, tmp_path: Path
) -> None:
    files = ("--tls-ca", "/etc/ca.crt", "--tls-cert", "/etc/tls.crt", "--tls-key", "/etc/tls.key")
    assert inside(*FLAGS, *files, "--yes").code == 0
    expected = "mine:\n  endpoint: 10.0.0.1:7401\n  tls:\n"
    expected += "    ca: /etc/ca.crt\n    cert: /etc/tls.crt\n    key: /etc/tls.key\n"
    assert registry(cluster)["executors"] == expected
    assert "nothing to change" in inside(*FLAGS, "--yes").err
    assert inside("register", "mine", "--endpoint", "10.0.0.2:7401", "--yes").code == 0
    assert registry(cluster)["executors"] == expected.replace("10.0.0.1", "10.0.0.2")


def test_what_was_registered_elsewhere_is_found_and_taken_back(
    inside: InCluster, cluster: FakeCluster
) -> None:
    for namespace in ("one", "two"):
        assert inside(*FLAGS, "-n", namespace, "--yes").code == 0
    refused = inside("register", "--revert", "--yes")
    assert refused.code == 2
    assert "in several namespaces: one, two" in refused.err
    back = inside("register", "--revert", "--yes", "-n", "one")
    assert back.out == f"configmap/one/{NAME} deleted\n"
    back = inside("register", "--revert", "--yes")
    assert back.out == f"configmap/two/{NAME} deleted\n"
    assert cluster.store.all(CONFIG_MAPS) == []


def test_nothing_is_written_without_a_yes(inside: InCluster, cluster: FakeCluster) -> None:
    outcome = inside(*FLAGS)
    assert (outcome.code, outcome.out) == (2, "")
    assert "error: this would write 1 object" in outcome.err
    dry = inside(*FLAGS, "--dry-run")
    assert dry.code == 0
    assert "+  executor: mine" in dry.out
    assert cluster.store.all(CONFIG_MAPS) == []


def test_a_config_map_that_a_controller_reads_is_left_alone(
    inside: InCluster, cluster: FakeCluster
) -> None:
    cluster.add(DEPLOYMENTS, deployment(args=["--configmap", NAME]))
    outcome = inside(*FLAGS, "--yes")
    assert outcome.code == 2
    assert "a name in its key executor would stop it" in outcome.err
    assert "hint: argoexec register --route agent" in outcome.err
    assert not cluster.calls("patch") and not cluster.calls("create")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"executor": "imagePullPolicy: Always\n"}, "for it has: executor, a Container; a name"),
        ({"config": "parallelism: 3\n"}, "for it has: config; a name"),
        ({"parallelism": "3", "x": "y"}, "for it has: parallelism; a name"),
        ({"executors": 'a: {endpoint: "h:1"}\t# c'}, "error: argo-workflows-controller-configmap"),
        (
            {"executors": 'mine: &m {endpoint: "h:1"}\nb: *m\n'},
            "b would change with mine: they share an anchor",
        ),
    ],
)
def test_what_cannot_be_changed_safely_is_left_alone(
    inside: InCluster, cluster: FakeCluster, data: dict[str, str], words: str
) -> None:
    cluster.add(CONFIG_MAPS, {"metadata": {"name": NAME, "namespace": "argo"}, "data": data})
    outcome = inside(*FLAGS, "--yes")
    assert outcome.code == 2, outcome.err
    assert words in outcome.err
    assert "bug" not in outcome.err
    assert registry(cluster) == data


def test_without_a_flag_the_file_of_this_machine_is_meant(
    alone: Cli, kubeconfig: Path, cluster: FakeCluster
) -> None:
    outcome = alone(*FLAGS, KUBECONFIG=str(kubeconfig))
    assert outcome.code == 0
    assert outcome.err.endswith("in the cluster it is registered by --cluster\n")
    assert cluster.asked == []


def test_a_cluster_without_a_kubeconfig(alone: Cli) -> None:
    outcome = alone(*FLAGS, "--cluster")
    assert outcome.code == 3
    assert outcome.err.splitlines()[1] == "hint: --kubeconfig FILE, or set KUBECONFIG"


def test_the_agent_route_says_what_it_saw_and_would_do(
    alone: Cli, kubeconfig: Path, cluster: FakeCluster
) -> None:
    install(cluster, {"config": "parallelism: 3\n"}, status_rule=False)
    flags = ("register", "--route", "agent", "--kubeconfig", str(kubeconfig), "--dry-run")
    assert "error: --endpoint is needed" in alone(*flags).err
    assert "do not reach a socket" in alone(*flags, "--endpoint", "unix:///run/a.sock").err
    outcome = alone(*flags, "--endpoint", "10.0.0.1:7401")
    assert outcome.code == 0, outcome.err
    assert "controller: argo/workflow-controller, v4.1.2, plain manifests" in outcome.err
    assert "to do: run the agent anywhere" in outcome.err
    assert "+    disableAgentPodCreation: true" in outcome.out
    assert "+  - workflowtasksets/status" in outcome.out
    assert not cluster.calls("patch")


def test_the_plugin_route_is_written_and_taken_back(
    alone: Cli, kubeconfig: Path, cluster: FakeCluster
) -> None:
    install(cluster, {})
    flags = ("register", "--route", "plugin", "--kubeconfig", str(kubeconfig), "--yes")
    outcome = alone(*flags, "--endpoint", "10.0.0.1:7401", "--workflow-namespace", "work")
    assert outcome.code == 0, outcome.err
    assert "to do: plugins are off" in outcome.err
    found = cluster.object(CONFIG_MAPS, "argoexec-executor-plugin", "argo")
    assert "value: 10.0.0.1:7401" in found["data"]["sidecar.container"]
    back = alone("register", "--revert", "--yes", "--kubeconfig", str(kubeconfig))
    assert back.out.splitlines()[-1] == "configmap/argo/argoexec-executor-plugin deleted"


def test_a_cluster_that_is_away_is_exit_code_5(alone: Cli, tmp_path: Path) -> None:
    with FakeCluster() as gone:
        path = gone.kubeconfig(tmp_path / "gone")
    outcome = alone(*FLAGS, "--kubeconfig", str(path))
    assert outcome.code == 5
    assert "the API server cannot be reached" in outcome.err
