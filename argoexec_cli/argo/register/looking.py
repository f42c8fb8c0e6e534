"""Looks at a cluster before anything is planned. Writes nothing."""

from __future__ import annotations

from typing import Final

from argoexec_cli.argo.register.facts import (
    Controller,
    Plugin,
    Surroundings,
    read_controller,
)
from argoexec_cli.errors import DeniedError, NotFoundError, PreconditionError
from argoexec_cli.kube.access import may_account
from argoexec_cli.kube.base import Kube, Listing, Object, Select
from argoexec_cli.kube.errors import Request
from argoexec_cli.kube.resources import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    PODS,
    TASK_SETS,
    WORKFLOW_TEMPLATES,
    WORKFLOWS,
    Resource,
)

PLUGIN_LABEL: Final = "workflows.argoproj.io/configmap-type=ExecutorPlugin"
AGENT_LABEL: Final = "workflows.argoproj.io/component=agent"
SUFFIX: Final = "-executor-plugin"


async def find_controllers(kube: Kube, namespace: str = "") -> list[Controller]:
    """Return the controllers of a namespace, or of the cluster.

    Who may not look at the whole cluster is told so, unless the namespace `argo` has one.
    """
    try:
        found = await kube.list(DEPLOYMENTS, namespace)
    except DeniedError:
        if namespace:
            raise
        found = await kube.list(DEPLOYMENTS, "argo")
    read = (read_controller(each) for each in found.items)
    return [controller for controller in read if controller is not None]


async def choose_controller(kube: Kube, namespace: str = "") -> Controller:
    """Return the one controller that there is.

    `NotFoundError` without one, `PreconditionError` when a namespace has to say which.
    """
    controllers = await find_controllers(kube, namespace)
    if not controllers:
        where = f"the namespace {namespace}" if namespace else "this cluster"
        message = f"no workflow-controller runs in {where}"
        raise NotFoundError(message, hint="argoexec register --cluster -n NAMESPACE")
    if len(controllers) > 1:
        known = ", ".join(one.label for one in controllers)
        message = f"there are several workflow-controllers: {known}"
        raise PreconditionError(message, hint="say which by its namespace: -n NAMESPACE")
    return controllers[0]


async def look_around(kube: Kube, controller: Controller) -> Surroundings:
    """Return everything that matters around *controller*."""
    return Surroundings(
        controller=controller,
        config_map=await find_object(
            kube, CONFIG_MAPS, controller.config_map, controller.namespace
        ),
        plugins=await _plugins(kube, controller),
        agent_pods=len((await _list(kube, PODS, controller, AGENT_LABEL)).items),
        may_patch_status=await _may_patch_status(kube, controller),
    )


async def find_object(
    kube: Kube, resource: Resource, name: str, namespace: str = ""
) -> Object | None:
    """Return an object, None when there is none."""
    try:
        return await kube.get(resource, name, namespace)
    except NotFoundError:
        return None


async def _plugins(kube: Kube, controller: Controller) -> tuple[Plugin, ...]:
    found = []
    for each in (await _list(kube, CONFIG_MAPS, controller, PLUGIN_LABEL)).items:
        meta = each["metadata"]
        name, where = meta["name"].removesuffix(SUFFIX), meta["namespace"]
        found.append(Plugin(name, f"configmap/{where}/{meta['name']}"))
    for resource in (WORKFLOW_TEMPLATES, WORKFLOWS):
        for each in (await _list(kube, resource, controller)).items:
            found += _declared(resource, each)
    return tuple(found)


def _declared(resource: Resource, found: Object) -> list[Plugin]:
    meta = found["metadata"]
    source = f"{resource.kind.lower()}/{meta['namespace']}/{meta['name']}"
    declared = (found.get("spec") or {}).get("executorPlugins") or []
    ended = (found.get("status") or {}).get("phase") in ("Succeeded", "Failed", "Error")
    return [] if ended else [Plugin(each["metadata"]["name"], source) for each in declared]


async def _list(
    kube: Kube, resource: Resource, controller: Controller, labels: str = ""
) -> Listing:
    """List where the controller looks; what we may not see there is looked for beside it."""
    try:
        return await kube.list(resource, controller.watches, Select(labels=labels))
    except NotFoundError:
        return Listing([], "")
    except DeniedError:
        if controller.watches:
            raise
        return await kube.list(resource, controller.namespace, Select(labels=labels))


async def _may_patch_status(kube: Kube, controller: Controller) -> bool | None:
    request = Request("patch", TASK_SETS, controller.watches, "", "status")
    try:
        return await may_account(kube, controller.account, controller.namespace, request)
    except DeniedError:
        return None
