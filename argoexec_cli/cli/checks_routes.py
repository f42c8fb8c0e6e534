"""What `doctor --argo` looks at of the routes that were set up: does anybody take Argo's tasks?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from argoexec_cli.cli.checks import Finding

if TYPE_CHECKING:
    from argoexec_cli.argo.register.facts import Controller
    from argoexec_cli.kube.base import Kube, Object

_SERVER = "ARGOEXEC_SERVER"


class Route(NamedTuple):
    """What was found of a route, and where its daemon is said to answer."""

    finding: Finding
    name: str
    endpoint: str


async def find_routes(kube: Kube, controller: Controller) -> list[Route]:
    """Return the routes that `register` has put into the controller's namespace."""
    from argoexec_cli.argo.register.looking import SUFFIX, find_object
    from argoexec_cli.argo.register.settings import AGENT_NAME, PLUGIN_NAME
    from argoexec_cli.kube.resources import CONFIG_MAPS, DEPLOYMENTS

    place = controller.namespace
    plugin = await find_object(kube, CONFIG_MAPS, f"{PLUGIN_NAME}{SUFFIX}", place)
    agent = await find_object(kube, DEPLOYMENTS, AGENT_NAME, place)
    routes = [_plugin(controller, plugin)] if plugin is not None else []
    return [*routes, _agent(agent)] if agent is not None else routes


def _plugin(controller: Controller, found: Object) -> Route:
    import yaml

    from argoexec_cli.argo.register.plugin_route import SWITCH

    label = f"plugin {found['metadata']['namespace']}/{found['metadata']['name']}"
    try:
        container = yaml.safe_load((found.get("data") or {}).get("sidecar.container", ""))
    except yaml.YAMLError:
        container = None
    if controller.env.get(SWITCH) == "true":
        finding = Finding(check="route", state="ok", found=label)
    else:
        place = f"-n {controller.namespace} deployment/{controller.name}"
        finding = Finding(
            check="route",
            state="wrong",
            found=f"{label}: {controller.label} has plugins off",
            fix=f"kubectl set env {place} {SWITCH}=true",
        )
    return Route(finding, "the plugin's daemon", _server_of(container))


def _agent(found: Object) -> Route:
    meta = found["metadata"]
    label = f"agent {meta['namespace']}/{meta['name']}"
    containers = found["spec"]["template"]["spec"].get("containers") or [{}]
    if (found.get("status") or {}).get("availableReplicas", 0) > 0:
        finding = Finding(check="route", state="ok", found=label)
    else:
        finding = Finding(
            check="route",
            state="wrong",
            found=f"{label} does not run: plugin and http templates wait for it",
            fix=f"kubectl logs -n {meta['namespace']} deployment/{meta['name']}",
        )
    return Route(finding, "the agent's daemon", _server_of(containers[0]))


def _server_of(container: Any) -> str:
    env = (container.get("env") or []) if isinstance(container, dict) else []
    return next((str(one.get("value", "")) for one in env if one.get("name") == _SERVER), "")
