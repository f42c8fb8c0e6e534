"""`argoexec doctor --argo`."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from argoexec_cli.argo.register.manifests import agent_deployment, plugin_config_map
from argoexec_cli.argo.register.settings import Wanted
from argoexec_cli.kube.resources import CONFIG_MAPS, DEPLOYMENTS
from tests.argo.register.installs import install
from tests.cli.conftest import Cli
from tests.kube.cluster import FakeCluster

REGISTRY = {"name": "argo-workflows-controller-configmap", "namespace": "argo"}


def findings(cli: Cli, kubeconfig: Path) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return the exit code, and what was found by check."""
    outcome = cli("doctor", "--argo", "-o", "json", KUBECONFIG=str(kubeconfig))
    return outcome.code, {each["check"]: each for each in json.loads(outcome.out)}


def test_what_slows_and_what_is_missing(alone: Cli, cluster: FakeCluster, kubeconfig: Path) -> None:
    install(cluster, {"config": "executor: argoexec\n"}, status_rule=False)
    executors = "gone:\n  endpoint: 127.0.0.1:1\n"
    cluster.add(CONFIG_MAPS, {"metadata": REGISTRY, "data": {"executors": executors}})
    code, found = findings(alone, kubeconfig)
    assert code == 1
    assert found["controller"]["found"].endswith("v4.1.2: routes agent and plugin")
    assert "about 20 s longer" in found["pace"]["found"]
    assert found["pace"]["fix"].endswith("deployment/workflow-controller DEFAULT_REQUEUE_TIME=2s")
    assert "the controller exits at it" in found["config"]["found"]
    assert found["rights"]["state"] == "wrong"
    assert "workflowtasksets/status" in found["rights"]["fix"]
    assert "gone at 127.0.0.1:1 does not answer" in found["executor"]["found"]


def test_what_is_well(alone: Cli, cluster: FakeCluster, kubeconfig: Path) -> None:
    install(cluster, {"disableAgentPodCreation": "true"}, env={"DEFAULT_REQUEUE_TIME": "1s"})
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        executors = f"lab:\n  endpoint: {address}\n"
        cluster.add(CONFIG_MAPS, {"metadata": REGISTRY, "data": {"executors": executors}})
        code, found = findings(alone, kubeconfig)
    assert code == 0
    assert {each["state"] for each in found.values()} == {"ok"}
    assert found["executor"]["found"] == f"lab at {address} answers"


def test_an_old_controller_and_none(alone: Cli, cluster: FakeCluster, kubeconfig: Path) -> None:
    code, found = findings(alone, kubeconfig)
    assert (code, found["controller"]["found"]) == (1, "no workflow-controller was found")
    install(cluster, {}, image="x/workflow-controller:v3.2.11")
    code, found = findings(alone, kubeconfig)
    assert (code, found["controller"]["fix"]) == (1, "upgrade Argo Workflows")


def test_a_route_that_nobody_serves(alone: Cli, cluster: FakeCluster, kubeconfig: Path) -> None:
    install(cluster, {"disableAgentPodCreation": "true"}, env={"DEFAULT_REQUEUE_TIME": "1s"})
    wanted = Wanted("127.0.0.1:1")
    cluster.add(DEPLOYMENTS, agent_deployment("argo", wanted))
    code, found = findings(alone, kubeconfig)
    assert code == 1
    assert found["route"]["found"].startswith("agent argo/argoexec-agent does not run: ")
    assert found["route"]["fix"] == "kubectl logs -n argo deployment/argoexec-agent"
    assert (
        "from here, the agent's daemon at 127.0.0.1:1 does not answer" in found["executor"]["found"]
    )
    made = agent_deployment("argo", wanted) | {"status": {"availableReplicas": 1}}
    cluster.add(DEPLOYMENTS, made)
    assert findings(alone, kubeconfig)[1]["route"]["state"] == "ok"


def test_a_plugin_that_the_controller_does_not_look_at(
    alone: Cli, cluster: FakeCluster, kubeconfig: Path
) -> None:
    install(cluster, {})
    cluster.add(CONFIG_MAPS, plugin_config_map("argo", Wanted("127.0.0.1:1")))
    code, found = findings(alone, kubeconfig)
    assert (code, found["route"]["state"]) == (1, "wrong")
    assert found["route"]["fix"].endswith(
        "deployment/workflow-controller ARGO_EXECUTOR_PLUGINS=true"
    )
    assert (
        "from here, the plugin's daemon at 127.0.0.1:1 does not answer"
        in found["executor"]["found"]
    )
    install(cluster, {}, env={"ARGO_EXECUTOR_PLUGINS": "true"})
    assert findings(alone, kubeconfig)[1]["route"]["state"] == "ok"
