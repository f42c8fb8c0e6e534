"""Creates Workflows in a cluster, and asks them how they are."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

from argoexec_cli.argo.register.controller_config import read_config
from argoexec_cli.argo.register.facts import Controller
from argoexec_cli.argo.register.looking import find_controllers, find_object
from argoexec_cli.errors import ArgoexecError
from argoexec_cli.kube.base import Kube, Select
from argoexec_cli.kube.follow import Follower
from argoexec_cli.kube.resources import CONFIG_MAPS, WORKFLOWS

Manifest = dict[str, Any]
INSTANCE_LABEL: Final = "workflows.argoproj.io/controller-instanceid"
ENDED: Final = frozenset({"Succeeded", "Failed", "Error"})


def with_arguments(workflow: Manifest, parameters: dict[str, str]) -> Manifest:
    """Return *workflow* with values for its parameters; new ones are added."""
    if not parameters:
        return workflow
    spec = workflow.get("spec") or {}
    arguments = spec.get("arguments") or {}
    given = [one for one in arguments.get("parameters") or [] if one["name"] not in parameters]
    given += [{"name": name, "value": value} for name, value in parameters.items()]
    return {**workflow, "spec": {**spec, "arguments": {**arguments, "parameters": given}}}


def with_name(workflow: Manifest, name: str, prefix: str) -> Manifest:
    """Return *workflow* with another name, or another beginning of one."""
    if not name and not prefix:
        return workflow
    kept = {k: v for k, v in workflow["metadata"].items() if k not in ("name", "generateName")}
    return {**workflow, "metadata": kept | ({"name": name} if name else {"generateName": prefix})}


async def create_workflow(kube: Kube, workflow: Manifest, namespace: str) -> Manifest:
    """Create *workflow* so that the controller of the cluster sees it: with its instanceID."""
    instance = await _instance_id(kube, namespace)
    if instance:
        meta = workflow["metadata"]
        labels = {INSTANCE_LABEL: instance, **(meta.get("labels") or {})}
        workflow = {**workflow, "metadata": {**meta, "labels": labels}}
    return await kube.create(WORKFLOWS, workflow, namespace)


async def workflow_states(kube: Kube, name: str, namespace: str) -> AsyncGenerator[Manifest]:
    """Yield a workflow whenever it changes, the last time when it has ended. `NotFoundError`, also
    when it is deleted.
    """
    await kube.get(WORKFLOWS, name, namespace)
    follower = Follower(kube, WORKFLOWS, namespace, Select(fields=f"metadata.name={name}"))
    async with aclosing(follower.changes()) as changes:
        async for change in changes:
            if change.type == "DELETED":
                await kube.get(WORKFLOWS, name, namespace)
            if not change.object:
                continue
            yield change.object
            if (change.object.get("status") or {}).get("phase") in ENDED:
                return


async def stop_workflow(kube: Kube, name: str, namespace: str) -> None:
    """End a workflow as `argo stop` does: exit handlers still run. What has ended stays so."""
    found = await kube.get(WORKFLOWS, name, namespace)
    if (found.get("status") or {}).get("phase") not in ENDED:
        await kube.patch(WORKFLOWS, name, namespace, {"spec": {"shutdown": "Stop"}})


async def _instance_id(kube: Kube, namespace: str) -> str:
    """Return the instanceID of the controller that runs workflows of *namespace*, if we may look.

    With several controllers only the person who submits can know which one is meant.
    """
    try:
        found = [one for one in await find_controllers(kube) if one.watches in ("", namespace)]
        return await _configured(kube, found[0]) if len(found) == 1 else ""
    except ArgoexecError:
        return ""


async def _configured(kube: Kube, controller: Controller) -> str:
    name, namespace = controller.config_map, controller.namespace
    config = await find_object(kube, CONFIG_MAPS, name, namespace)
    return read_config((config or {}).get("data"), controller.version).instance_id
