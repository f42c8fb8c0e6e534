"""Registering for real: written, verified, taken back, restored exactly."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import pytest

from argoexec_cli.argo.register.agent_route import plan_agent
from argoexec_cli.argo.register.canary import Canary, CanaryFailedError
from argoexec_cli.argo.register.carrying import carry_out
from argoexec_cli.argo.register.facts import Surroundings
from argoexec_cli.argo.register.looking import choose_controller, look_around
from argoexec_cli.argo.register.plan import Plan, render_diff
from argoexec_cli.argo.register.plugin_route import plan_plugin
from argoexec_cli.argo.register.settings import ClientFiles, Wanted
from argoexec_cli.argo.register.verifying import Patience
from argoexec_cli.argo.register.writing import revert
from argoexec_cli.errors import (
    AlreadyExistsError,
    ArgoexecError,
    DeniedError,
    PreconditionError,
    UnsupportedError,
)
from argoexec_cli.kube.client import KubeClient
from argoexec_cli.kube.errors import ConflictError
from argoexec_cli.kube.resources import (
    CLUSTER_ROLES,
    CONFIG_MAPS,
    DEPLOYMENTS,
    PODS,
    ROLE_BINDINGS,
    SECRETS,
    WORKFLOWS,
    Resource,
)
from tests.argo.register.installs import controller_pod, install
from tests.argo.register.starting import STARTING
from tests.argo.register.test_controller_config import controller_accepts
from tests.kube.cluster import FakeCluster

CONFIG = "workflow-controller-configmap"
WANTED = Wanted("daemon.argo:7401", namespaces=("work",), deploy=True)
BLOB = STARTING["a blob"] or {}


class Scene:
    """A cluster, a client of it, and a clock that tests can hook into."""

    def __init__(self, kube: KubeClient, cluster: FakeCluster) -> None:
        """Nothing is planned yet."""
        self.kube, self.cluster = kube, cluster
        self.told: list[str] = []
        self.slept = 0

    async def sleep(self, seconds: float) -> None:
        """Let no time pass."""
        self.slept += 1

    async def look(self) -> Surroundings:
        """Look at the one controller."""
        return await look_around(self.kube, await choose_controller(self.kube))

    def found(self, resource: Resource, namespace: str, name: str) -> dict[str, Any] | None:
        """Return an object as it is now."""
        return self.cluster.store.find(resource, namespace, name)

    async def plan(self, route: str, wanted: Wanted = WANTED) -> Plan:
        """Plan a route."""
        make = plan_agent if route == "agent" else plan_plugin
        return make(await self.look(), wanted, self.found)

    async def do(self, plan: Plan, canary: Canary | None = None) -> None:
        """Carry a plan out."""
        controller = (await self.look()).controller
        patience = Patience(sleep=self.sleep)
        await carry_out(self.kube, plan, controller, canary, self.told.append, patience)

    def everything(self) -> dict[str, Any]:
        """Return all objects without what a server counts."""
        objects = copy.deepcopy(self.cluster.store._objects)
        for found in objects.values():
            for key in ("resourceVersion", "uid", "creationTimestamp"):
                found["metadata"].pop(key)
        return {"/".join(key): found for key, found in objects.items()}


@pytest.fixture
def scene(kube: KubeClient, cluster: FakeCluster) -> Scene:
    """Give an empty cluster."""
    return Scene(kube, cluster)


@pytest.mark.parametrize("route", ["agent", "plugin"])
@pytest.mark.parametrize("name", STARTING)
async def test_whatever_is_there_the_controller_lives_and_all_is_restored(
    scene: Scene, route: str, name: str
) -> None:
    install(scene.cluster, STARTING[name], status_rule=False)
    before = scene.everything()
    wanted = WANTED._replace(enable_plugins=True, files=ClientFiles("ca", "cert", "key"))
    try:
        await scene.do(await scene.plan(route, wanted))
    except ArgoexecError:
        assert scene.everything() == before
        return
    data = scene.cluster.object(CONFIG_MAPS, CONFIG, "argo").get("data") or {}
    assert controller_accepts(data) or data == (STARTING[name] or {})
    assert scene.everything() != before
    assert (await scene.plan(route, wanted)).writes == ()
    assert await revert(scene.kube, "argo")
    assert scene.everything() == before
    assert await revert(scene.kube, "argo") == []


async def test_the_agent_route_switches_last(scene: Scene) -> None:
    install(scene.cluster, BLOB, status_rule=False)
    plan = await scene.plan("agent")
    assert [write.label for write in plan.writes] == [
        "clusterrole/argoexec-workflowtasksets-status",
        "clusterrolebinding/argoexec-workflowtasksets-status",
        "serviceaccount/argo/argoexec-agent",
        "clusterrole/argoexec-agent",
        "clusterrolebinding/argoexec-agent",
        "deployment/argo/argoexec-agent",
        "configmap/argo/workflow-controller-configmap",
    ]
    diff = render_diff(plan)
    assert "+    disableAgentPodCreation: true\n" in diff
    assert "&id" not in diff, "an anchor is for machines"
    await scene.do(plan)
    around = await scene.look()
    assert around.may_patch_status is True
    assert scene.slept >= 10, "nobody watched the controller"


async def test_a_namespaced_controller_gets_roles_in_its_namespace_only(scene: Scene) -> None:
    install(scene.cluster, {}, status_rule=False, args=["--namespaced"])
    plan = await scene.plan("agent")
    assert not any("cluster" in write.label for write in plan.writes)
    assert "role/argo/argoexec-workflowtasksets-status" in [w.label for w in plan.writes]


async def test_without_a_deployment_the_command_is_told(scene: Scene) -> None:
    install(scene.cluster, {"instanceID": "blue"})
    plan = await scene.plan("agent", WANTED._replace(deploy=False))
    assert [write.label for write in plan.writes] == [f"configmap/argo/{CONFIG}"]
    assert plan.advice == (
        "run the agent anywhere that reaches the API server: "
        "argoexec agent --server daemon.argo:7401 --instance-id blue",
    )


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (
            "x/workflow-controller:v4.0.10",
            "came with v4.1.0, and argo/workflow-controller is v4.0.10",
        ),
        ("x/workflow-controller:latest", "is unknown"),
    ],
)
async def test_the_agent_route_is_refused_where_the_switch_would_kill(
    scene: Scene, image: str, words: str
) -> None:
    install(scene.cluster, {}, image=image)
    with pytest.raises(UnsupportedError, match=words):
        await scene.plan("agent")


async def test_the_agent_route_is_refused_while_other_plugins_are_in_use(scene: Scene) -> None:
    install(scene.cluster, {})
    labels = {"workflows.argoproj.io/configmap-type": "ExecutorPlugin"}
    meta = {"name": "slack-executor-plugin", "namespace": "argo", "labels": labels}
    scene.cluster.add(CONFIG_MAPS, {"metadata": meta})
    with pytest.raises(PreconditionError, match="other plugins would stop working: slack"):
        await scene.plan("agent")


@pytest.mark.parametrize("route", ["agent", "plugin"])
async def test_what_belongs_to_helm_is_not_edited(scene: Scene, route: str) -> None:
    install(scene.cluster, BLOB, helm=True)
    plan = await scene.plan(route, WANTED._replace(enable_plugins=True))
    assert all(write.patch is None for write in plan.writes)
    switch = "disableAgentPodCreation" if route == "agent" else "ARGO_EXECUTOR_PLUGINS"
    assert any("in the values of workflows" in line and switch in line for line in plan.advice)


async def test_plugins_are_only_enabled_when_asked(scene: Scene) -> None:
    install(scene.cluster, {}, env={"OTHER": "1"})
    plan = await scene.plan("plugin")
    assert "kubectl set env" in plan.advice[0]
    plan = await scene.plan("plugin", WANTED._replace(enable_plugins=True))
    await scene.do(plan)
    found = scene.cluster.object(DEPLOYMENTS, "workflow-controller", "argo")
    env = found["spec"]["template"]["spec"]["containers"][0]["env"]
    assert env == [
        {"name": "OTHER", "value": "1"},
        {"name": "ARGO_EXECUTOR_PLUGINS", "value": "true"},
    ]


async def test_the_certificate_travels_as_a_secret_and_shows_nowhere(scene: Scene) -> None:
    install(scene.cluster, {})
    wanted = WANTED._replace(files=ClientFiles("CA", "CERT", "TOP-SECRET"))
    plan = await scene.plan("plugin", wanted)
    shown = render_diff(plan) + repr(wanted)
    assert "TOP-SECRET" not in shown
    assert "VE9QLVNFQ1JFVA" not in shown
    await scene.do(plan)
    assert scene.cluster.object(SECRETS, "argoexec-client", "work")["data"]["tls.key"]
    record = scene.cluster.object(CONFIG_MAPS, "argoexec-registration", "argo")
    assert "VE9QLVNFQ1JFVA" not in str(record)


async def test_a_controller_that_restarts_gets_its_old_configuration_back(scene: Scene) -> None:
    install(scene.cluster, BLOB, status_rule=False)
    before = scene.everything()
    plan = await scene.plan("agent")

    async def crash(seconds: float) -> None:
        scene.cluster.add(PODS, controller_pod(restarts=1))

    scene.sleep = crash  # type: ignore[method-assign]
    with pytest.raises(PreconditionError, match="restarted after the change") as caught:
        await scene.do(plan)
    assert caught.value.hint == "kubectl logs -n argo workflow-controller-abc --previous"
    scene.cluster.add(PODS, controller_pod(restarts=0))
    assert scene.everything() == before
    assert scene.told == ["taking everything back"]


@pytest.mark.parametrize("phase", ["Succeeded", "Failed", ""])
async def test_a_canary_decides(scene: Scene, phase: str) -> None:
    install(scene.cluster, {"instanceID": "blue"})
    before = scene.everything()
    plan = await scene.plan("agent")

    async def run(seconds: float) -> None:
        for found in scene.cluster.store.all(WORKFLOWS):
            label = found["metadata"]["labels"]["workflows.argoproj.io/controller-instanceid"]
            assert label == "blue"
            scene.cluster.add(WORKFLOWS, found | {"status": {"phase": phase, "message": "why"}})

    scene.sleep = run  # type: ignore[method-assign]
    canary = Canary("work", "default", "busybox", "blue", timeout_s=5, sleep=run)
    if phase == "Succeeded":
        await scene.do(plan, canary)
        assert scene.told[-1].endswith("succeeded")
    else:
        with pytest.raises(ArgoexecError, match="why" if phase else "did not end") as caught:
            await scene.do(plan, canary)
        assert isinstance(caught.value, CanaryFailedError) is bool(phase)
        assert scene.everything() == before
    assert scene.cluster.store.all(WORKFLOWS) == []


@pytest.mark.parametrize("moment", ["serviceaccounts", "configmaps", "workflows"])
async def test_who_loses_patience_leaves_nothing_behind(scene: Scene, moment: str) -> None:
    """He is interrupted while the first object is made, at the switch, or during the canary."""
    install(scene.cluster, {"instanceID": "blue"}, status_rule=False)
    before, plan = scene.everything(), await scene.plan("agent")
    canary = Canary("work", "default", "busybox", "blue")
    work = asyncio.create_task(scene.do(plan, canary), name="register")
    loop, store = asyncio.get_running_loop(), scene.cluster.store

    def interrupt() -> None:
        last = store.since(store.version - 1)[-1]
        name = (last.after or {"metadata": {"name": ""}})["metadata"]["name"]
        if last.resource.plural == moment and name != "argoexec-registration":
            store.listeners.discard(interrupt)
            loop.call_soon_threadsafe(work.cancel)

    store.listeners.add(interrupt)
    with pytest.raises(asyncio.CancelledError):
        await work
    assert scene.everything() == before
    assert scene.told[-1:] in ([], ["taking everything back"])


async def test_who_may_not_write_all_writes_nothing(scene: Scene, cluster: FakeCluster) -> None:
    install(cluster, {})
    plan = await scene.plan("agent")
    rule = {"apiGroups": [""], "resources": ["configmaps", "pods"], "verbs": ["*"]}
    apps = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]}
    meta = {"name": "some"}
    cluster.add(CLUSTER_ROLES, {"metadata": meta, "rules": [rule, apps]})
    subject = {"kind": "User", "name": "admin"}
    reference = {"kind": "ClusterRole", "name": "some"}
    binding = {"metadata": meta | {"namespace": "argo"}, "roleRef": reference}
    cluster.add(ROLE_BINDINGS, binding | {"subjects": [subject]})
    before = scene.everything()
    controller = (await scene.look()).controller
    cluster.rbac = True
    with pytest.raises(DeniedError) as caught:
        await carry_out(scene.kube, plan, controller, None, scene.told.append)
    assert "serviceaccounts" in caught.value.hint
    assert "clusterroles" in caught.value.hint
    assert 'verbs: ["get", "list", "watch"]' in caught.value.hint  # of the role to give
    assert 'resources: ["configmaps"], verbs: ["get"]' in caught.value.hint
    assert scene.everything() == before


async def test_a_change_by_somebody_else_in_between_is_a_conflict(scene: Scene) -> None:
    install(scene.cluster, BLOB)
    plan = await scene.plan("agent")
    meta = {"name": CONFIG, "namespace": "argo"}
    scene.cluster.add(CONFIG_MAPS, {"metadata": meta, "data": {"config": "parallelism: 1\n"}})
    before = scene.everything()
    with pytest.raises(ConflictError, match="changed by somebody else just now"):
        await scene.do(plan)
    assert scene.everything() == before


async def test_reverting_never_undoes_what_others_did_since(scene: Scene) -> None:
    install(scene.cluster, BLOB)
    await scene.do(await scene.plan("agent"))
    meta = {"name": CONFIG, "namespace": "argo"}
    scene.cluster.add(CONFIG_MAPS, {"metadata": meta, "data": {"config": "parallelism: 1\n"}})
    before = scene.everything()
    with pytest.raises(PreconditionError, match="was changed by somebody else since"):
        await revert(scene.kube, "argo")
    assert scene.everything() == before


async def test_an_object_of_somebody_else_is_never_taken_over(scene: Scene) -> None:
    install(scene.cluster, {})
    meta = {"name": "argoexec-executor-plugin", "namespace": "argo"}
    scene.cluster.add(CONFIG_MAPS, {"metadata": meta})
    with pytest.raises(AlreadyExistsError, match="not of argoexec's making"):
        await scene.plan("plugin")


async def test_two_registrations_are_reverted_to_before_the_first(scene: Scene) -> None:
    install(scene.cluster, {"parallelism": "3"})
    before = scene.everything()
    await scene.do(await scene.plan("plugin"))
    again = WANTED._replace(endpoint="other:7401", enable_plugins=True)
    await scene.do(await scene.plan("plugin", again))
    await scene.do(await scene.plan("agent", again))
    await revert(scene.kube, "argo")
    assert scene.everything() == before
