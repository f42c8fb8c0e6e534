"""Runs a workflow of one step through a route, to see that it works before it is relied on."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from typing import Any, Final, NamedTuple

from argoexec_cli.argo.register.verifying import Sleep
from argoexec_cli.errors import ArgoexecError, NotFoundError, TimedOutError
from argoexec_cli.kube.base import Kube, Object
from argoexec_cli.kube.resources import WORKFLOWS

_STEP_S: Final = 1.0
_ENDED: Final = frozenset({"Succeeded", "Failed", "Error"})
INSTANCE_LABEL: Final = "workflows.argoproj.io/controller-instanceid"


class CanaryFailedError(ArgoexecError):
    """The workflow of one step did not succeed."""


class Canary(NamedTuple):
    """What to run, and where."""

    namespace: str
    account: str
    image: str
    instance_id: str = ""
    timeout_s: float = 120.0
    sleep: Sleep = asyncio.sleep


def canary_workflow(canary: Canary, name: str) -> Object:
    """Return the workflow: one container that does nothing."""
    labels = {INSTANCE_LABEL: canary.instance_id} if canary.instance_id else {}
    body = {"container": {"image": canary.image, "command": ["true"]}}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "entrypoint": "main",
            "serviceAccountName": canary.account,
            "activeDeadlineSeconds": int(canary.timeout_s),
            "templates": [{"name": "main", "plugin": {"argoexec": body}}],
        },
    }


async def run_canary(kube: Kube, canary: Canary) -> str:
    """Run it and return its name. `CanaryFailedError` has the workflow's own words."""
    name = f"argoexec-canary-{secrets.token_hex(3)}"  # ours, to delete it whatever we heard of it
    try:
        await kube.create(WORKFLOWS, canary_workflow(canary, name), canary.namespace)
    except asyncio.CancelledError:
        with suppress(NotFoundError):
            await kube.delete(WORKFLOWS, name, canary.namespace)
        raise
    try:
        status = await _end(kube, canary, name)
    finally:
        await kube.delete(WORKFLOWS, name, canary.namespace)
    if status["phase"] != "Succeeded":
        words = status.get("message") or status["phase"]
        message = f"the canary {canary.namespace}/{name} did not succeed: {words}"
        raise CanaryFailedError(message, hint="argoexec doctor --argo")
    return name


async def _end(kube: Kube, canary: Canary, name: str) -> dict[str, Any]:
    left = canary.timeout_s
    while left > 0:
        status = (await kube.get(WORKFLOWS, name, canary.namespace)).get("status") or {}
        if status.get("phase") in _ENDED:
            return status
        await canary.sleep(_STEP_S)
        left -= _STEP_S
    raise TimedOutError(
        f"the canary {canary.namespace}/{name} did not end within {canary.timeout_s:g} s",
        hint="does argoexec agent run, and does its daemon answer? argoexec doctor --argo",
    )
