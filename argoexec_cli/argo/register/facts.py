"""What was found in a cluster, and how it is read off a Deployment. Pure."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from argoexec_cli.argo.register.versions import Version, parse_version, version_of_image
from argoexec_cli.kube.base import Object

CONFIG_MAP: Final = "workflow-controller-configmap"
_PROGRAM: Final = "workflow-controller"
_HELM_RELEASE: Final = "meta.helm.sh/release-name"
_EXECUTOR_IMAGE: Final = "--executor-image"


class Controller(NamedTuple):
    """One workflow-controller, as its Deployment says it is run."""

    namespace: str
    name: str
    container: str
    version: Version | None
    helm_release: str
    config_map: str
    account: str
    env: dict[str, str]
    watches: str
    """The one namespace whose workflows it runs, or "" for all."""

    deployment: Object

    @property
    def label(self) -> str:
        """Render as namespace/name."""
        return f"{self.namespace}/{self.name}"

    @property
    def install(self) -> str:
        """Say how it was installed."""
        return f"Helm release {self.helm_release}" if self.helm_release else "plain manifests"


class Plugin(NamedTuple):
    """An executor plugin that somebody uses, and where that stands."""

    name: str
    source: str


class Surroundings(NamedTuple):
    """All that a route has to know. None where we were not allowed to look."""

    controller: Controller
    config_map: Object | None
    plugins: tuple[Plugin, ...] = ()
    agent_pods: int = 0
    may_patch_status: bool | None = None


def read_controller(deployment: Object) -> Controller | None:
    """Return the controller that a Deployment runs, None when it runs something else."""
    pod = ((deployment.get("spec") or {}).get("template") or {}).get("spec") or {}
    container = next((one for one in pod.get("containers") or [] if _is_controller(one)), None)
    if container is None:
        return None
    meta, words = deployment["metadata"], _words(container)
    namespace = meta.get("namespace", "")
    env = {one["name"]: str(one.get("value", "")) for one in container.get("env") or []}
    namespaced = "--namespaced" in words or _option(words, "--namespaced") == "true"
    own = namespace if namespaced else ""
    return Controller(
        namespace=namespace,
        name=meta["name"],
        container=container["name"],
        version=_version(container, words, meta),
        helm_release=_helm(meta),
        config_map=_option(words, "--configmap") or CONFIG_MAP,
        account=pod.get("serviceAccountName") or "default",
        env=env,
        watches=_option(words, "--managed-namespace") or own,
        deployment=deployment,
    )


def is_helm(found: Object | None) -> bool:
    """Tell whether Helm made an object, and would overwrite what is changed in it."""
    return bool(_helm((found or {}).get("metadata") or {}))


def _helm(meta: dict[str, Any]) -> str:
    labels, annotations = meta.get("labels") or {}, meta.get("annotations") or {}
    release = annotations.get(_HELM_RELEASE, "")
    managed = labels.get("app.kubernetes.io/managed-by") == "Helm"
    named: str = release or labels.get("app.kubernetes.io/instance") or "unknown"
    return named if managed or release else ""


def _is_controller(container: dict[str, Any]) -> bool:
    command = (container.get("command") or [""])[0].rpartition("/")[2]
    image = container.get("image", "").partition("@")[0].rpartition("/")[2].partition(":")[0]
    return _PROGRAM in (command, image, container["name"])


def _words(container: dict[str, Any]) -> list[str]:
    return [*(container.get("command") or []), *(container.get("args") or [])]


def _option(words: list[str], name: str) -> str:
    for number, word in enumerate(words):
        if word == name and number + 1 < len(words):
            following = words[number + 1]
            return "" if following.startswith("-") else following
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return ""


def _version(container: dict[str, Any], words: list[str], meta: dict[str, Any]) -> Version | None:
    """Return the version by the image's tag, the executor's image or the label, in this order."""
    label = (meta.get("labels") or {}).get("app.kubernetes.io/version", "")
    return (
        version_of_image(container.get("image", ""))
        or version_of_image(_option(words, _EXECUTOR_IMAGE))
        or parse_version(label)
    )


_REQUEUE: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)?")


def requeue_s(controller: Controller) -> float:
    """Return how long the controller lets an event wait; its default is 10 s."""
    text = controller.env.get("DEFAULT_REQUEUE_TIME", "10s")
    match = _REQUEUE.fullmatch(text)
    if match is None:
        return 10.0
    return float(match[1]) * {"ms": 0.001, "s": 1.0, "m": 60.0}.get(match[2] or "s", 1.0)
