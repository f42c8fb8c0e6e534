"""From a plan to a cluster that works with it, or one that is as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from argoexec_cli.argo.register.canary import Canary, run_canary
from argoexec_cli.argo.register.facts import Controller
from argoexec_cli.argo.register.plan import Plan
from argoexec_cli.argo.register.record import write_record
from argoexec_cli.argo.register.rights import check_rights
from argoexec_cli.argo.register.verifying import Patience, await_rollout, check_steady, restarts
from argoexec_cli.argo.register.writing import take_back, write_plan
from argoexec_cli.errors import ArgoexecError
from argoexec_cli.kube.base import Kube
from argoexec_cli.kube.resources import DEPLOYMENTS

Tell = Callable[[str], None]


async def carry_out(
    kube: Kube,
    plan: Plan,
    controller: Controller,
    canary: Canary | None,
    tell: Tell,
    patience: Patience = Patience(),  # noqa: B008 - immutable
) -> None:
    """Write the plan, then watch the controller, then run the canary if there is one.

    Whatever fails, the cluster is as it was before the error leaves here; so it is when somebody
    loses patience with it.
    """
    namespace = controller.namespace
    await check_rights(kube, plan, namespace)
    before = await restarts(kube, controller)
    earlier = await write_plan(kube, plan, namespace)
    try:
        await _verify(kube, plan, controller, before, patience)
        if canary is not None:
            await prove(kube, canary, tell)
    except (ArgoexecError, asyncio.CancelledError):
        tell("taking everything back")
        await take_back(kube, plan.writes)
        await write_record(kube, namespace, earlier)
        raise


async def prove(kube: Kube, canary: Canary, tell: Tell) -> None:
    """Run the canary. `CanaryFailedError`."""
    tell(f"running a workflow of one step in {canary.namespace}")
    tell(f"{await run_canary(kube, canary)} succeeded")


async def _verify(
    kube: Kube, plan: Plan, controller: Controller, before: dict[str, int], patience: Patience
) -> None:
    """Look at the controller, if anything was written that it reads."""
    patched = [write for write in plan.writes if write.patch is not None]
    if any(write.resource == DEPLOYMENTS for write in patched):
        await await_rollout(kube, controller, patience)
    if patched:
        await check_steady(kube, controller, before, patience)
