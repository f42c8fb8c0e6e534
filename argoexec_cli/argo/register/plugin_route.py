"""The route by an executor plugin, for Argo 3.3 and later. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from argoexec_cli.argo.register.facts import Controller, Surroundings
from argoexec_cli.argo.register.manifests import (
    PLUGIN_AGENT,
    PLUGIN_RULES,
    account_token,
    client_secret,
    plugin_config_map,
    role_and_binding,
)
from argoexec_cli.argo.register.plan import Plan, change, make
from argoexec_cli.argo.register.settings import Wanted
from argoexec_cli.argo.register.versions import PLUGINS_SINCE
from argoexec_cli.errors import UnsupportedError
from argoexec_cli.kube.base import Object
from argoexec_cli.kube.resources import CONFIG_MAPS, DEPLOYMENTS, SECRETS, Resource

SWITCH: Final = "ARGO_EXECUTOR_PLUGINS"
Found = Callable[[Resource, str, str], Object | None]
"""Returns the object of a namespace and name as it is now."""


def manifests(controller: Controller, wanted: Wanted) -> list[tuple[Resource, Object]]:
    """Return every object of the route; `writing` looks for what is there of them."""
    made: list[tuple[Resource, Object]] = [
        (CONFIG_MAPS, plugin_config_map(controller.namespace, wanted))
    ]
    for namespace in wanted.namespaces:
        made += role_and_binding(PLUGIN_AGENT, namespace, PLUGIN_RULES, wanted.account, namespace)
        made.append((SECRETS, account_token(namespace, wanted.account)))
        if wanted.files:
            made.append((SECRETS, client_secret(namespace, wanted.files)))
    return made


def plan_plugin(around: Surroundings, wanted: Wanted, found: Found) -> Plan:
    """Plan the route. `UnsupportedError` for a controller that is too old."""
    controller = around.controller
    version = controller.version
    if version is not None and version < PLUGINS_SINCE:
        raise UnsupportedError(
            f"executor plugins came with {PLUGINS_SINCE}, and {controller.label} is {version}",
            hint="upgrade Argo Workflows",
        )
    plan = Plan()
    for resource, manifest in manifests(controller, wanted):
        meta = manifest["metadata"]
        there = found(resource, meta["namespace"], meta["name"])
        if resource == SECRETS and there is not None and "data" not in manifest:
            continue  # a token that somebody made already, whatever fills it
        plan = plan.with_more(Plan(make(resource, manifest, there)))
    return plan.with_more(_switch(controller, wanted.enable_plugins))


def _switch(controller: Controller, enable: bool) -> Plan:
    if controller.env.get(SWITCH) == "true":
        return Plan()
    name = f"{controller.namespace} deployment/{controller.name}"
    if controller.helm_release:
        values = f"controller.extraEnv: [{{name: {SWITCH}, value: 'true'}}]"
        return Plan(advice=(f"set in the values of {controller.helm_release}: {values}",))
    if not enable:
        command = f"kubectl set env -n {name} {SWITCH}=true"
        return Plan(advice=(f"plugins are off: --enable-plugins, or {command}",))
    return Plan(change(DEPLOYMENTS, controller.deployment, _env_patch(controller)))


def _env_patch(controller: Controller) -> Object:
    containers = controller.deployment["spec"]["template"]["spec"]["containers"]
    changed = []
    for each in containers:
        if each["name"] != controller.container:
            changed.append(each)
            continue
        env = [one for one in each.get("env") or [] if one["name"] != SWITCH]
        changed.append({**each, "env": [*env, {"name": SWITCH, "value": "true"}]})
    return {"spec": {"template": {"spec": {"containers": changed}}}}
