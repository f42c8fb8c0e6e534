"""Asking who may do what, and the cluster's RBAC that answers it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from argoexec_cli.kube.access import may, may_account
from argoexec_cli.kube.client import KubeClient
from argoexec_cli.kube.connecting import open_cluster
from argoexec_cli.kube.errors import Request
from argoexec_cli.kube.resources import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    CONFIG_MAPS,
    ROLE_BINDINGS,
    ROLES,
    TASK_SETS,
)
from tests.kube.cluster import FakeCluster

PATCH_STATUS = Request("patch", TASK_SETS, "argo", "", "status")


def role(*rules: dict[str, Any]) -> dict[str, Any]:
    """Return a role of rules."""
    return {"metadata": {"name": "r"}, "rules": list(rules)}


def binding(kind: str) -> dict[str, Any]:
    """Return a binding of the role to the service account argo/argo."""
    subject = {"kind": "ServiceAccount", "name": "argo", "namespace": "argo"}
    return {
        "metadata": {"name": "b"},
        "roleRef": {"kind": kind, "name": "r"},
        "subjects": [subject],
    }


async def test_an_account_may_what_its_roles_say(kube: KubeClient, cluster: FakeCluster) -> None:
    rule = {"apiGroups": ["argoproj.io"], "resources": ["workflowtasksets"], "verbs": ["patch"]}
    cluster.add(CLUSTER_ROLES, role(rule))
    cluster.add(CLUSTER_ROLE_BINDINGS, binding("ClusterRole"))
    assert not await may_account(kube, "argo", "argo", PATCH_STATUS)
    cluster.add(CLUSTER_ROLES, role(rule | {"resources": ["workflowtasksets/status"]}))
    assert await may_account(kube, "argo", "argo", PATCH_STATUS)
    assert not await may_account(kube, "argo", "other", PATCH_STATUS)


async def test_a_role_counts_in_its_own_namespace(cluster: FakeCluster, tmp_path: Path) -> None:
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}
    cluster.add(ROLES, role(rule | {"resourceNames": ["only"]}), namespace="argo")
    cluster.add(ROLE_BINDINGS, binding("Role"), namespace="argo")
    cluster.rbac = True
    token = cluster.account("argo", "argo")
    async with open_cluster([cluster.kubeconfig(tmp_path / "c", token=token)]) as opened:
        for namespace, name, allowed in (
            ("argo", "only", True),
            ("argo", "another", False),
            ("default", "only", False),
        ):
            request = Request("get", CONFIG_MAPS, namespace, name)
            assert await may(opened.client, request) is allowed
