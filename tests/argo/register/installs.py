"""Argo Workflows as it is found in clusters: the objects of an installation."""

from __future__ import annotations

from typing import Any

from argoexec_cli.kube.resources import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    CONFIG_MAPS,
    DEPLOYMENTS,
    PODS,
)
from tests.kube.cluster import FakeCluster

Manifest = dict[str, Any]


def deployment(
    image: str = "quay.io/argoproj/workflow-controller:v4.1.2",
    *,
    namespace: str = "argo",
    name: str = "workflow-controller",
    args: list[str] | None = None,
    helm: bool = False,
    env: dict[str, str] | None = None,
) -> Manifest:
    """Return the controller's Deployment as the manifests, or the Helm chart, have it."""
    labels = {"app.kubernetes.io/managed-by": "Helm"} if helm else {}
    annotations = {"meta.helm.sh/release-name": "workflows"} if helm else {}
    container = {
        "name": "controller" if helm else "workflow-controller",
        "image": image,
        "command": ["workflow-controller"],
        "args": args or [],
        "env": [{"name": key, "value": value} for key, value in (env or {}).items()],
    }
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels,
            "annotations": annotations,
            "generation": 1,
        },
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"serviceAccountName": "argo", "containers": [container]},
            },
        },
        "status": {
            "observedGeneration": 1,
            "replicas": 1,
            "updatedReplicas": 1,
            "availableReplicas": 1,
        },
    }


def controller_pod(restarts: int = 0, *, name: str = "workflow-controller") -> Manifest:
    """Return the controller's pod."""
    status = {"name": "workflow-controller", "restartCount": restarts, "state": {"running": {}}}
    return {
        "metadata": {"name": f"{name}-abc", "namespace": "argo", "labels": {"app": name}},
        "spec": {"containers": [{"name": "workflow-controller"}]},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }


def install(
    cluster: FakeCluster,
    data: dict[str, Any] | None = None,
    *,
    status_rule: bool = True,
    **more: Any,
) -> None:
    """Put an installation into the cluster, with *data* in the controller's ConfigMap."""
    cluster.add(DEPLOYMENTS, deployment(**more))
    cluster.add(PODS, controller_pod())
    labels = {"app.kubernetes.io/managed-by": "Helm"} if more.get("helm") else {}
    config: Manifest = {
        "metadata": {"name": "workflow-controller-configmap", "namespace": "argo", "labels": labels}
    }
    cluster.add(CONFIG_MAPS, config | ({"data": data} if data is not None else {}))
    resources = ["workflowtasksets"] + (["workflowtasksets/status"] if status_rule else [])
    rule = {"apiGroups": ["argoproj.io"], "resources": resources, "verbs": ["*"]}
    cluster.add(CLUSTER_ROLES, {"metadata": {"name": "argo"}, "rules": [rule]})
    subject = {"kind": "ServiceAccount", "name": "argo", "namespace": "argo"}
    reference = {"kind": "ClusterRole", "name": "argo"}
    binding = {"metadata": {"name": "argo"}, "roleRef": reference, "subjects": [subject]}
    cluster.add(CLUSTER_ROLE_BINDINGS, binding)
