"""The objects that argoexec puts into a cluster. Pure.

Rules are the smallest that work. Source: the RBAC tables of argo-workflows' agent (plugins), and
what `argoexec agent` asks for.
"""

from __future__ import annotations

import base64
from typing import Final

import yaml

from argoexec_cli.argo.register.settings import (
    AGENT_NAME,
    CLIENT_SECRET,
    PLUGIN_NAME,
    PLUGIN_PORT,
    USER_ID,
    ClientFiles,
    Wanted,
)
from argoexec_cli.kube.base import Object
from argoexec_cli.kube.resources import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    ROLE_BINDINGS,
    ROLES,
    Resource,
)

_ARGO: Final = "argoproj.io"
_RBAC: Final = "rbac.authorization.k8s.io"
PLUGIN_AGENT: Final = "argoexec-plugin"
STATUS_ROLE: Final = "argoexec-workflowtasksets-status"

PLUGIN_RULES: Final = (
    {"apiGroups": [_ARGO], "resources": ["workflowtasksets"], "verbs": ["list", "watch"]},
    {"apiGroups": [_ARGO], "resources": ["workflowtasksets/status"], "verbs": ["patch"]},
)
"""What the stock agent pod, which calls the plugin, needs in the namespace of a workflow."""

STATUS_RULES: Final = (
    {"apiGroups": [_ARGO], "resources": ["workflowtasksets/status"], "verbs": ["patch"]},
)
"""What manifests of Argo forget to give their controller (argo-workflows #13341)."""

LEASE_RULES: Final = (
    {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "verbs": ["get", "create", "patch"],
    },
)
"""What the agent needs in its own namespace: of two replicas one leads."""

TASK_RULES: Final = (
    {"apiGroups": [_ARGO], "resources": ["workflowtasksets"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [_ARGO], "resources": ["workflowtasksets/status"], "verbs": ["patch"]},
    {"apiGroups": [_ARGO], "resources": ["workflows"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": ["get"]},
)
"""What `argoexec agent` needs where workflows run. Secrets and ConfigMaps are for tasks."""

AGENT_RULES: Final = (*TASK_RULES, *LEASE_RULES)

_STATE: Final = "/var/lib/argoexec"
_TLS: Final = "/etc/argoexec/tls"
_HEALTH: Final = 7480
_SECURITY: Final = {
    "runAsNonRoot": True,
    "runAsUser": USER_ID,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
_RESOURCES: Final = {
    "requests": {"cpu": "20m", "memory": "96Mi"},
    "limits": {"cpu": "500m", "memory": "256Mi"},
}


def plugin_config_map(namespace: str, wanted: Wanted) -> Object:
    """Return the declaration of the plugin: one sidecar for every agent pod."""
    container = {
        "name": f"{PLUGIN_NAME}-plugin",
        "image": wanted.image,
        **_plugin_command(wanted.files),
        "ports": [{"containerPort": PLUGIN_PORT}],
        "env": _environment(wanted),
        "resources": _RESOURCES,
        "securityContext": _SECURITY,
    }
    return {
        "metadata": {
            "name": f"{PLUGIN_NAME}-executor-plugin",
            "namespace": namespace,
            "labels": {"workflows.argoproj.io/configmap-type": "ExecutorPlugin"},
        },
        "data": {
            "sidecar.automountServiceAccountToken": "false",
            "sidecar.container": yaml.safe_dump(container, sort_keys=False),
        },
    }


def client_secret(namespace: str, files: ClientFiles) -> Object:
    """Return the Secret with the client's certificate, under the usual names of its parts."""
    texts = {"ca.crt": files.ca, "tls.crt": files.cert, "tls.key": files.key}
    data = {key: _base64(text) for key, text in texts.items() if text}
    return {
        "metadata": {"name": CLIENT_SECRET, "namespace": namespace},
        "type": "Opaque",
        "data": data,
    }


def account_token(namespace: str, account: str) -> Object:
    """Return the Secret that agent pods mount; clusters since 1.24 make none by themselves."""
    return {
        "metadata": {
            "name": f"{account}.service-account-token",
            "namespace": namespace,
            "annotations": {"kubernetes.io/service-account.name": account},
        },
        "type": "kubernetes.io/service-account-token",
    }


def role_and_binding(
    name: str, namespace: str, rules: tuple[Object, ...], account: str, account_namespace: str
) -> tuple[tuple[Resource, Object], ...]:
    """Return a role and its binding: in *namespace*, or, without one, for the whole cluster."""
    meta = {"name": name} | ({"namespace": namespace} if namespace else {})
    role, binding = (ROLES, ROLE_BINDINGS) if namespace else (CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS)
    subject = {"kind": "ServiceAccount", "name": account, "namespace": account_namespace}
    reference = {"apiGroup": _RBAC, "kind": role.kind, "name": name}
    return (
        (role, {"metadata": dict(meta), "rules": [dict(rule) for rule in rules]}),
        (binding, {"metadata": dict(meta), "roleRef": reference, "subjects": [subject]}),
    )


def agent_roles(namespace: str, watches: str) -> tuple[tuple[Resource, Object], ...]:
    """Return the rights of the agent that runs in *namespace*: where the controller looks, which
    is *watches* or everywhere, and to its Lease.
    """
    account = (AGENT_NAME, namespace)
    if watches in ("", namespace):
        return role_and_binding(AGENT_NAME, watches, AGENT_RULES, *account)
    return (
        *role_and_binding(AGENT_NAME, watches, TASK_RULES, *account),
        *role_and_binding(AGENT_NAME, namespace, LEASE_RULES, *account),
    )


def agent_deployment(
    namespace: str, wanted: Wanted, instance_id: str = "", watches: str = ""
) -> Object:
    """Return the Deployment of `argoexec agent`. More replicas only wait: one leads."""
    args = ["agent", "--leader-elect", f"--data-dir={_STATE}", f"--health=0.0.0.0:{_HEALTH}"]
    args += [f"--instance-id={instance_id}"] if instance_id else []
    args += [f"--namespace={watches}"] if watches else []
    args += [f"{option}={_TLS}/{key}" for option, key in _given(wanted.files)]
    labels = {"app.kubernetes.io/name": AGENT_NAME}
    mounts: list[Object] = [{"name": "state", "mountPath": _STATE}]
    volumes: list[Object] = [{"name": "state", "emptyDir": {}}]
    if wanted.files:
        mounts.append({"name": "tls", "mountPath": _TLS, "readOnly": True})
        volumes.append({"name": "tls", "secret": {"secretName": CLIENT_SECRET}})
    container = {
        "name": "agent",
        "image": wanted.image,
        "args": args,
        "env": [{"name": "ARGOEXEC_SERVER", "value": wanted.endpoint}],
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": _HEALTH}},
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": _HEALTH}},
        "resources": _RESOURCES,
        "securityContext": _SECURITY,
        "volumeMounts": mounts,
    }
    pod = {"serviceAccountName": AGENT_NAME, "containers": [container], "volumes": volumes}
    return {
        "metadata": {"name": AGENT_NAME, "namespace": namespace, "labels": dict(labels)},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def _plugin_command(files: ClientFiles) -> Object:
    """Return what a sidecar runs. It may mount nothing, so its certificate comes by variables, and
    goes into memory for the program to read.
    """
    if not files:
        return {"args": ["plugin"]}
    given = _given(files)
    lines = ["umask 077"]
    lines += [f'printf %s "${_variable(key)}" > /dev/shm/{key}' for _, key in given]
    lines += [f"unset {' '.join(_variable(key) for _, key in given)}"]
    options = " ".join(f"{option} /dev/shm/{key}" for option, key in given)
    return {"command": ["sh", "-ec", "\n".join([*lines, f"exec argoexec plugin {options}"])]}


def _environment(wanted: Wanted) -> list[Object]:
    env: list[Object] = [{"name": "ARGOEXEC_SERVER", "value": wanted.endpoint}]
    for _, key in _given(wanted.files):
        source = {"secretKeyRef": {"name": CLIENT_SECRET, "key": key}}
        env.append({"name": _variable(key), "valueFrom": source})
    return env


def _given(files: ClientFiles) -> list[tuple[str, str]]:
    """Return the option and the Secret's key of each file that there is."""
    known = (("--tls-ca", "ca.crt"), ("--tls-cert", "tls.crt"), ("--tls-key", "tls.key"))
    return [pair for pair, text in zip(known, files, strict=True) if text]


def _variable(key: str) -> str:
    return key.replace(".", "_").upper()


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
