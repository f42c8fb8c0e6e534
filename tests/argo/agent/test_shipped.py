"""The kustomize base as it is shipped, and the agent that its Deployment runs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from argoexec_cli.argo.register.agent_route import manifests
from argoexec_cli.argo.register.facts import Surroundings, read_controller
from argoexec_cli.argo.register.settings import Wanted
from argoexec_cli.kube.client import KubeClient
from argoexec_cli.kube.resources import DEPLOYMENTS, resource_of
from tests.argo.agent.bench import say, until
from tests.argo.agent.controller import Controller
from tests.argo.agent.machine import ARGOEXEC, Machine
from tests.argo.register.installs import deployment
from tests.kube.cluster import FakeCluster

BASE = Path(__file__).parents[3] / "examples" / "kubernetes" / "base"
pytestmark = [pytest.mark.e2e, pytest.mark.slow]

READ_ONLY = """\
mount --make-rprivate /
mount -t tmpfs memory /var/lib
mkdir {state}
mount -o remount,bind,ro /
if touch /argoexec-was-here 2>/dev/null; then exit 70; fi
exec setpriv --bounding-set=-all --no-new-privs "$@"
"""
"""Do what the Deployment's securityContext and volume say, but for the user."""


async def apply_base(kube: KubeClient) -> None:
    """Do what `kubectl apply -k` does with the base."""
    listed = yaml.safe_load((BASE / "kustomization.yaml").read_text())
    assert set(listed) == {"apiVersion", "kind", "namespace", "resources", "images"}
    for file in listed["resources"]:
        for manifest in yaml.safe_load_all((BASE / file).read_text()):
            resource = resource_of(manifest)
            assert resource is not None, manifest["kind"]
            namespace = listed["namespace"] if resource.namespaced else ""
            assert manifest["metadata"].get("namespace", "") == namespace
            await kube.apply(resource, manifest, namespace)


def container_of(cluster: FakeCluster) -> dict[str, Any]:
    """Return the container that the Deployment runs."""
    found = cluster.object(DEPLOYMENTS, "argoexec-agent", "argo")
    pod: dict[str, Any] = found["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "argoexec-agent"
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert [one["mountPath"] for one in container["volumeMounts"]] == ["/var/lib/argoexec"]
    return dict(container)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
async def test_what_the_base_runs_works_with_what_the_base_gives(
    machine: Machine, cluster: FakeCluster, kube: KubeClient, kubeconfig: Path
) -> None:
    await apply_base(kube)
    cluster.rbac = True
    container = container_of(cluster)
    token = cluster.account("argoexec-agent", "argo")
    mine = cluster.kubeconfig(machine.home / "mounted", token=token, namespace="argo")
    args = [one.replace("0.0.0.0:7480", "127.0.0.1:0") for one in container["args"]]
    assert args != container["args"]
    unshare, script = shutil.which("unshare"), READ_ONLY.format(state="/var/lib/argoexec")
    assert unshare is not None
    alone = (unshare, "--mount", "sh", "-euc", script, "sh", *ARGOEXEC)
    machine.start(*args, "--kubeconfig", str(mine), program=alone)
    controller = Controller(cluster)
    controller.add("wf-1", say("echo 42"))
    controller.operate()

    def done() -> bool:
        controller.operate()
        return bool(controller.nodes["wf-1"]["phase"] == "Succeeded")

    await until(done)
    assert controller.nodes["wf-1"]["outputs"]["result"] == "42"


async def test_an_agent_for_one_namespace_works_with_what_register_gives_it(
    machine: Machine, cluster: FakeCluster
) -> None:
    """The controller runs in one namespace, and looks after another."""
    found = read_controller(deployment(namespace="system", args=["--managed-namespace", "argo"]))
    assert found is not None
    wanted = Wanted("unused:7401", deploy=True)
    for resource, manifest in manifests(Surroundings(found, None, may_patch_status=False), wanted):
        cluster.add(resource, manifest)
    cluster.rbac = True
    token = cluster.account("argoexec-agent", "system")
    mine = cluster.kubeconfig(machine.home / "mounted", token=token, namespace="system")
    made = cluster.object(DEPLOYMENTS, "argoexec-agent", "system")
    (container,) = made["spec"]["template"]["spec"]["containers"]
    here = (f"--data-dir={machine.home}/agent", "--health=127.0.0.1:0")
    machine.start(*container["args"], *here, "--kubeconfig", str(mine))
    controller = Controller(cluster)
    controller.add("wf-1", say("echo 42"))
    controller.operate()

    def done() -> bool:
        controller.operate()
        return bool(controller.nodes["wf-1"]["phase"] == "Succeeded")

    await until(done)
