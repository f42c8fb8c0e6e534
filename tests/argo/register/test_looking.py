"""What is found out about a cluster before anything is planned."""

from __future__ import annotations

import pytest

from argoexec_cli.argo.register.facts import Plugin, read_controller, requeue_s
from argoexec_cli.argo.register.looking import choose_controller, look_around
from argoexec_cli.argo.register.versions import Version
from argoexec_cli.errors import NotFoundError, PreconditionError
from argoexec_cli.kube.client import KubeClient
from argoexec_cli.kube.resources import CONFIG_MAPS, DEPLOYMENTS, PODS, WORKFLOW_TEMPLATES
from tests.argo.register.installs import deployment, install
from tests.kube.cluster import FakeCluster


async def test_plain_manifests(kube: KubeClient, cluster: FakeCluster) -> None:
    install(cluster, {"instanceID": "blue"})
    controller = await choose_controller(kube)
    assert controller.label == "argo/workflow-controller"
    assert controller.version == Version(4, 1, 2)
    assert (controller.config_map, controller.account) == ("workflow-controller-configmap", "argo")
    assert (controller.install, controller.watches) == ("plain manifests", "")
    around = await look_around(kube, controller)
    assert around.config_map is not None
    assert around.config_map["data"] == {"instanceID": "blue"}
    assert (around.plugins, around.agent_pods, around.may_patch_status) == ((), 0, True)


@pytest.mark.parametrize(
    ("args", "config_map", "watches"),
    [
        (["--configmap", "mine"], "mine", ""),
        (["--configmap=mine", "--namespaced"], "mine", "argo"),
        (["--namespaced", "--managed-namespace", "work"], "workflow-controller-configmap", "work"),
        (["--namespaced=true"], "workflow-controller-configmap", "argo"),
    ],
)
def test_what_the_arguments_say(args: list[str], config_map: str, watches: str) -> None:
    found = read_controller(deployment(args=args))
    assert found is not None
    assert (found.config_map, found.watches) == (config_map, watches)


def test_a_version_that_only_the_executor_image_tells() -> None:
    executor = ["--executor-image", "quay.io/argoproj/argoexec:v3.6.2"]
    found = read_controller(deployment("mirror/wc@sha256:01", args=executor))
    assert found is not None
    assert found.version == Version(3, 6, 2)
    unknown = read_controller(deployment("mirror/wc:latest"))
    assert unknown is not None
    assert unknown.version is None


def test_helm_is_seen_and_other_deployments_are_none() -> None:
    found = read_controller(deployment(helm=True, name="workflows-wc"))
    assert found is not None
    assert found.install == "Helm release workflows"
    other = deployment("nginx:1")
    other["spec"]["template"]["spec"]["containers"][0] |= {"name": "web", "command": ["nginx"]}
    assert read_controller(other) is None


@pytest.mark.parametrize(
    ("text", "seconds"), [("2s", 2.0), ("500ms", 0.5), ("1m", 60.0), ("nonsense", 10.0), (None, 10)]
)
def test_how_long_the_controller_waits(text: str | None, seconds: float) -> None:
    env = {"DEFAULT_REQUEUE_TIME": text} if text else {}
    found = read_controller(deployment(env=env))
    assert found is not None
    assert requeue_s(found) == seconds


async def test_several_controllers_need_a_namespace(kube: KubeClient, cluster: FakeCluster) -> None:
    with pytest.raises(NotFoundError, match="no workflow-controller runs in this cluster"):
        await choose_controller(kube)
    install(cluster)
    cluster.add(DEPLOYMENTS, deployment(namespace="other"))
    with pytest.raises(PreconditionError, match=r"argo/workflow-controller, other/workflow"):
        await choose_controller(kube)
    assert (await choose_controller(kube, "other")).namespace == "other"


async def test_plugins_and_agent_pods_and_the_missing_rule(
    kube: KubeClient, cluster: FakeCluster
) -> None:
    install(cluster, status_rule=False)
    labels = {"workflows.argoproj.io/configmap-type": "ExecutorPlugin"}
    meta = {"name": "hello-executor-plugin", "namespace": "work", "labels": labels}
    cluster.add(CONFIG_MAPS, {"metadata": meta})
    plugins = [{"metadata": {"name": "slack"}, "spec": {}}]
    cluster.add(
        WORKFLOW_TEMPLATES,
        {"metadata": {"name": "t", "namespace": "work"}, "spec": {"executorPlugins": plugins}},
    )
    agent = {"workflows.argoproj.io/component": "agent"}
    cluster.add(PODS, {"metadata": {"name": "a", "namespace": "work", "labels": agent}})
    around = await look_around(kube, await choose_controller(kube))
    assert around.plugins == (
        Plugin("hello", "configmap/work/hello-executor-plugin"),
        Plugin("slack", "workflowtemplate/work/t"),
    )
    assert (around.agent_pods, around.may_patch_status) == (1, False)
