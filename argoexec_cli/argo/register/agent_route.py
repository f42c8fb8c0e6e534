"""The route by an agent outside of Argo, for Argo 4.1 and later. Pure."""

from __future__ import annotations

from typing import Final

from argoexec_cli.argo.register.controller_config import read_config, set_field
from argoexec_cli.argo.register.facts import Surroundings, is_helm
from argoexec_cli.argo.register.manifests import (
    STATUS_ROLE,
    STATUS_RULES,
    agent_deployment,
    agent_roles,
    client_secret,
    role_and_binding,
)
from argoexec_cli.argo.register.plan import Plan, change, make
from argoexec_cli.argo.register.plugin_route import Found
from argoexec_cli.argo.register.settings import AGENT_NAME, PLUGIN_NAME, Wanted
from argoexec_cli.argo.register.versions import AGENT_SINCE
from argoexec_cli.errors import PreconditionError, UnsupportedError
from argoexec_cli.kube.base import Object
from argoexec_cli.kube.resources import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    SECRETS,
    SERVICE_ACCOUNTS,
    Resource,
)

SWITCH: Final = "disableAgentPodCreation"
_SHOWN: Final = 5


def plan_agent(around: Surroundings, wanted: Wanted, found: Found) -> Plan:
    """Plan the route: who runs tasks comes first, the switch that needs him last.

    `UnsupportedError` for a controller that is older than 4.1 or whose version nobody knows: at
    the switch it would exit. `PreconditionError` when other plugins would stop working.
    """
    _check(around)
    controller = around.controller
    plan = Plan()
    for resource, manifest in manifests(around, wanted):
        meta = manifest["metadata"]
        there = found(resource, meta.get("namespace", ""), meta["name"])
        plan = plan.with_more(Plan(make(resource, manifest, there)))
    if not wanted.deploy:
        plan = plan.with_more(Plan(advice=(_command(around, wanted),)))
    if around.agent_pods:
        pods = f"{around.agent_pods} agent pods of running workflows stay until those have ended"
        plan = plan.with_more(Plan(advice=(pods,)))
    if around.may_patch_status is None:
        command = (
            f"kubectl auth can-i patch workflowtasksets/status "
            f"--as=system:serviceaccount:{controller.namespace}:{controller.account}"
        )
        advice = f"whether the controller may patch workflowtasksets/status is unknown: {command}"
        plan = plan.with_more(Plan(advice=(advice,)))
    return plan.with_more(_switch(around))


def manifests(around: Surroundings, wanted: Wanted) -> list[tuple[Resource, Object]]:
    """Return every object that the route makes."""
    controller = around.controller
    made: list[tuple[Resource, Object]] = []
    if around.may_patch_status is False:
        account, namespace = controller.account, controller.namespace
        made += role_and_binding(STATUS_ROLE, controller.watches, STATUS_RULES, account, namespace)
    if wanted.deploy:
        made += _deployed(around, wanted)
    return made


def _deployed(around: Surroundings, wanted: Wanted) -> list[tuple[Resource, Object]]:
    controller = around.controller
    namespace = controller.namespace
    account = {"metadata": {"name": AGENT_NAME, "namespace": namespace}}
    made = [
        (SERVICE_ACCOUNTS, account),
        *agent_roles(namespace, controller.watches),
    ]
    if wanted.files:
        made.append((SECRETS, client_secret(namespace, wanted.files)))
    agent = agent_deployment(namespace, wanted, _instance_id(around), controller.watches)
    made.append((DEPLOYMENTS, agent))
    return made


def _check(around: Surroundings) -> None:
    controller = around.controller
    version = controller.version
    if version is None:
        raise UnsupportedError(
            f"the version of {controller.label} is unknown, and one before {AGENT_SINCE} would "
            "exit at the switch",
            hint="say it: --argo-version 4.1.2, or take --route plugin",
        )
    if version < AGENT_SINCE:
        raise UnsupportedError(
            f"agents outside of Argo came with {AGENT_SINCE}, and {controller.label} is {version}",
            hint="argoexec register --route plugin --endpoint ADDRESS",
        )
    others = [one for one in around.plugins if one.name != PLUGIN_NAME]
    if others:
        named = ", ".join(f"{one.name} ({one.source})" for one in others[:_SHOWN])
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        raise PreconditionError(
            f"other plugins would stop working: {named}{more}",
            hint="argoexec register --route plugin --endpoint ADDRESS",
        )


def _switch(around: Surroundings) -> Plan:
    controller, found = around.controller, around.config_map
    data = (found or {}).get("data") or {}
    after = set_field(data, SWITCH, True, controller.version)
    if after == data:
        return Plan()
    if controller.helm_release or is_helm(found):
        release = controller.helm_release or "the release"
        advice = f"set in the values of {release}: controller.config: {{{SWITCH}: true}}"
        return Plan(advice=(f"{advice} (a chart that lacks it: kubectl edit, after each upgrade)",))
    changed = {key: text for key, text in after.items() if data.get(key) != text}
    if found is None:
        raise PreconditionError(
            f"{controller.label} reads the ConfigMap {controller.config_map}, which does not exist",
            hint=f"kubectl logs -n {controller.namespace} deployment/{controller.name}",
        )
    return Plan(change(CONFIG_MAPS, found, {"data": changed}))


def _command(around: Surroundings, wanted: Wanted) -> str:
    instance = _instance_id(around)
    words = ["argoexec", "agent", "--server", wanted.endpoint]
    words += ["--instance-id", instance] if instance else []
    words += ["-n", around.controller.watches] if around.controller.watches else []
    return f"run the agent anywhere that reaches the API server: {' '.join(words)}"


def _instance_id(around: Surroundings) -> str:
    data = (around.config_map or {}).get("data")
    return read_config(data, around.controller.version).instance_id
