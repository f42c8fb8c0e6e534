"""Watches the controller after a change: it must not restart, and must roll out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from argoexec_cli.argo.register.facts import Controller
from argoexec_cli.errors import PreconditionError, TimedOutError
from argoexec_cli.kube.base import Kube, Object, Select
from argoexec_cli.kube.resources import DEPLOYMENTS, PODS

Sleep = Callable[[float], Awaitable[None]]
_STEP_S: Final = 1.0
_BAD: Final = frozenset({"CrashLoopBackOff", "CreateContainerConfigError"})


class Patience(NamedTuple):
    """How long to look on. A controller exits at once at a field that it does not know."""

    steady_s: float = 10.0
    rollout_s: float = 120.0
    sleep: Sleep = asyncio.sleep


async def restarts(kube: Kube, controller: Controller) -> dict[str, int]:
    """Return how often each pod of the controller was restarted so far, by the pod's uid."""
    found = await kube.list(PODS, controller.namespace, _selector(controller))
    return {each["metadata"]["uid"]: _count(each, controller) for each in found.items}


async def await_rollout(kube: Kube, controller: Controller, patience: Patience) -> None:
    """Return when the Deployment runs as it says. `TimedOutError`."""
    left = patience.rollout_s
    while left > 0:
        found = await kube.get(DEPLOYMENTS, controller.name, controller.namespace)
        if _rolled_out(found):
            return
        await patience.sleep(_STEP_S)
        left -= _STEP_S
    raise TimedOutError(
        f"{controller.label} did not roll out within {patience.rollout_s:g} s",
        hint=f"kubectl rollout status -n {controller.namespace} deployment/{controller.name}",
    )


async def check_steady(
    kube: Kube, controller: Controller, before: dict[str, int], patience: Patience
) -> None:
    """Return when the controller has lived on for a while. `PreconditionError` if it restarts."""
    left = patience.steady_s
    while left > 0:
        await patience.sleep(_STEP_S)
        left -= _STEP_S
        found = await kube.list(PODS, controller.namespace, _selector(controller))
        for pod in found.items:
            _check(pod, controller, before.get(pod["metadata"]["uid"], 0))


def _check(pod: Object, controller: Controller, before: int) -> None:
    waiting = _reason(pod, controller)
    if _count(pod, controller) <= before and waiting not in _BAD:
        return
    raise PreconditionError(
        f"the controller {controller.label} restarted after the change",
        hint=f"kubectl logs -n {controller.namespace} {pod['metadata']['name']} --previous",
    )


def _selector(controller: Controller) -> Select:
    labels = controller.deployment["spec"]["selector"].get("matchLabels") or {}
    return Select(labels=",".join(f"{key}={value}" for key, value in sorted(labels.items())))


def _statuses(pod: Object, controller: Controller) -> list[Object]:
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    return [one for one in statuses if one["name"] == controller.container]


def _count(pod: Object, controller: Controller) -> int:
    return sum(int(one.get("restartCount", 0)) for one in _statuses(pod, controller))


def _reason(pod: Object, controller: Controller) -> str:
    for one in _statuses(pod, controller):
        waiting = (one.get("state") or {}).get("waiting") or {}
        return str(waiting.get("reason", ""))
    return ""


def _rolled_out(found: Object) -> bool:
    spec, status = found["spec"], found.get("status") or {}
    wanted = spec.get("replicas", 1)
    current = status.get("observedGeneration", 0) >= found["metadata"].get("generation", 0)
    counts = [status.get(key, 0) for key in ("updatedReplicas", "availableReplicas", "replicas")]
    return current and all(count == wanted for count in counts)
