"""The rights that are shipped, rule by rule: all that is asked for is allowed, and nothing that is
allowed is not asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest_asyncio
import yaml

from argoexec_cli.argo.agent.lease import Lease, Pace
from argoexec_cli.argo.register.manifests import PLUGIN_RULES
from argoexec_cli.argo.register.settings import AGENT_NAME
from argoexec_cli.executors.kubernetes.executor import open_kubernetes
from argoexec_cli.executors.local.manager import LocalExecutor
from argoexec_cli.kube.client import KubeClient
from argoexec_cli.kube.connecting import open_cluster
from argoexec_cli.kube.resources import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    CONFIG_MAPS,
    LEASES,
    SECRETS,
)
from argoexec_cli.models.config import ConfigMap, Secret
from argoexec_cli.models.meta import ObjectMeta
from argoexec_cli.models.record import PodQuery
from tests.argo.agent.bench import Bench, say, until
from tests.argo.agent.controller import Controller
from tests.argo.agent.http_server import HttpServer
from tests.executors.pods import chunks, request, run
from tests.kube.cluster import FakeCluster
from tests.kube.kubelet import running_kubelet

SHIPPED: Final = Path(__file__).parents[3] / "examples" / "kubernetes"
Right = tuple[str, str, str]


def rights_of(rules: Any) -> set[Right]:
    """Return all (verb, group, resource) of rules."""
    return {
        (verb, group, plural)
        for rule in rules
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for plural in rule["resources"]
    }


def install(cluster: FakeCluster, file: Path) -> set[Right]:
    """Put a file's role and binding into the cluster, which is strict from now on."""
    _, role, binding = yaml.safe_load_all(file.read_text())
    cluster.add(CLUSTER_ROLES, role)
    cluster.add(CLUSTER_ROLE_BINDINGS, binding)
    cluster.rbac = True
    return rights_of(role["rules"])


def asked(cluster: FakeCluster, account: str) -> set[Right]:
    """Return what the account has asked for, whether it was allowed or not."""
    user = f"system:serviceaccount:argo:{account}"
    return {
        (
            one.verb,
            one.resource.group,
            "/".join(filter(None, (one.resource.plural, one.subresource))),
        )
        for one in cluster.asked
        if one.user == user
    }


@pytest_asyncio.fixture
async def agents_kube(cluster: FakeCluster, tmp_path: Path) -> AsyncIterator[KubeClient]:
    """Give a client with the agent's token."""
    path = cluster.kubeconfig(tmp_path / "agent", token=cluster.account(AGENT_NAME, "argo"))
    async with open_cluster([path]) as opened:
        yield opened.client


async def test_the_agent_uses_every_right_it_is_given_and_no_other(
    agents_kube: KubeClient,
    cluster: FakeCluster,
    executor: LocalExecutor,
    web: HttpServer,
    tmp_path: Path,
) -> None:
    given = install(cluster, SHIPPED / "base" / "rbac.yaml")
    cluster.add(SECRETS, {"metadata": {"name": "s"}, "data": {"k": "Mg=="}}, namespace="argo")
    cluster.add(CONFIG_MAPS, {"metadata": {"name": "c"}, "data": {"k": "1"}}, namespace="argo")
    controller = Controller(cluster, may_patch_status=False)
    bench = Bench(agents_kube, executor, tmp_path)
    cluster.fail(409, "patch", "workflowtasksets")
    await bench.start()
    template = say("echo $A")
    reference = {"configMapKeyRef": {"name": "c", "key": "k"}}
    template["plugin"]["argoexec"]["container"]["env"] = [{"name": "A", "valueFrom": reference}]
    controller.add("wf-1", template)
    header = {"name": "X", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    controller.add("wf-2", {"name": "h", "http": {"url": f"{web.url}/ok", "headers": [header]}})
    controller.operate()
    await bench.operated(controller, "wf-1", "wf-2")
    await until(lambda: controller.results == {})  # taken out again: the controller may not
    await bench.stop()
    assert [controller.nodes[node]["phase"] for node in ("wf-1", "wf-2")] == ["Succeeded"] * 2
    await _lead(agents_kube, cluster)
    assert asked(cluster, AGENT_NAME) == given


async def _lead(kube: KubeClient, cluster: FakeCluster) -> None:
    """Take the lease, renew it, and give it up."""
    lease = Lease(kube, "argo", "agent", "one", Pace(lease_s=2.0, give_up_s=1.5, try_s=0.05))
    leading = asyncio.create_task(lease.lead(asyncio.Event().wait))  # type: ignore[arg-type]
    await until(lambda: len(cluster.calls("patch", LEASES.plural)) > 1)
    leading.cancel()
    await asyncio.gather(leading, return_exceptions=True)


async def test_the_kubernetes_executor_uses_every_right_it_is_given_and_no_other(
    cluster: FakeCluster, tmp_path: Path
) -> None:
    given = install(cluster, SHIPPED / "executor.yaml")
    token = cluster.account("argoexec-executor", "argo")
    path = cluster.kubeconfig(tmp_path / "executor", token=token)
    along = msgspec.structs.replace(
        request("sleep 1; echo 1"),  # so that it is watched, however late we look
        config_maps=(ConfigMap(metadata=ObjectMeta(name="c")),),
        secrets=(Secret(metadata=ObjectMeta(name="s")),),
    )
    async with running_kubelet(cluster, tmp_path / "kubelet"), open_kubernetes([path]) as executor:
        record = await run(executor, along)
        assert b"".join(chunk.data for chunk in await chunks(executor, record.ref)) == b"1\n"
        assert len((await executor.list_pods(PodQuery())).records) == 1
        assert (await executor.info()).capacity.cpu_millicores >= 0
        await executor.stop_pod((await executor.run_pod(request("sleep 60", name="other"))).ref)
        await executor.delete_pod(record.ref)
    assert asked(cluster, "argoexec-executor") == given


def test_argos_own_agent_gets_what_it_asks_for_and_no_more() -> None:
    """It is Argo's program: what it asks for is from its documentation (since 3.3)."""
    argo = "argoproj.io"
    assert rights_of(PLUGIN_RULES) == {
        ("list", argo, "workflowtasksets"),
        ("watch", argo, "workflowtasksets"),
        ("patch", argo, "workflowtasksets/status"),
    }
