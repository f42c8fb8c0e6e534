"""What `doctor --argo` looks at: the controllers of a cluster, and what they need of us."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from argoexec_cli.cli.checks import Finding
from argoexec_cli.cli.clusters import ClusterOptions, open_kube
from argoexec_cli.cli.session import Session
from argoexec_cli.errors import ArgoexecError, DeniedError

if TYPE_CHECKING:
    from argoexec_cli.argo.register.facts import Controller, Surroundings
    from argoexec_cli.kube.base import Kube

_SLOW_S: Final = 2.0
_PATIENCE_S: Final = 3.0
_RULE: Final = (
    '{apiGroups: ["argoproj.io"], resources: ["workflowtasksets/status"], verbs: ["patch"]}'
)


async def examine_argo(session: Session, options: ClusterOptions) -> list[Finding]:
    """Look at every controller of the cluster, and at the executors that are registered there."""
    from argoexec_cli.argo.register.looking import find_controllers, look_around

    findings: list[Finding] = []
    try:
        async with open_kube(session, options) as cluster:
            found = f"context {cluster.name} ({cluster.server})"
            findings.append(Finding(check="cluster", state="ok", found=found))
            controllers = await find_controllers(cluster.client, session.options.namespace)
            for each in controllers:
                findings += _controller(await look_around(cluster.client, each))
                findings += await _routes(cluster.client, each)
            findings += await _executors(cluster.client, session.options.namespace or "argo")
    except ArgoexecError as exc:
        return [*findings, Finding(check="cluster", state="wrong", found=exc.message, fix=exc.hint)]
    if not controllers:
        fix = "argoexec doctor --argo -n NAMESPACE, or install Argo Workflows"
        found = "no workflow-controller was found"
        findings.append(Finding(check="controller", state="wrong", found=found, fix=fix))
    return findings


def _controller(around: Surroundings) -> list[Finding]:
    return [_version(around.controller), _pace(around.controller), _config(around), _rights(around)]


def _version(controller: Controller) -> Finding:
    from argoexec_cli.argo.register.versions import AGENT_SINCE, PLUGINS_SINCE

    found, version = f"{controller.label}: {controller.install}", controller.version
    if version is None:
        fix = "say it where it matters: argoexec register --argo-version 4.1.2"
        found = f"{found}, version unknown"
        return Finding(check="controller", state="note", found=found, fix=fix)
    if version < PLUGINS_SINCE:
        found, fix = f"{found}, {version}: too old to hand tasks over", "upgrade Argo Workflows"
        return Finding(check="controller", state="wrong", found=found, fix=fix)
    routes = "routes agent and plugin" if version >= AGENT_SINCE else "route plugin"
    return Finding(check="controller", state="ok", found=f"{found}, {version}: {routes}")


def _pace(controller: Controller) -> Finding:
    from argoexec_cli.argo.register.facts import requeue_s

    seconds = requeue_s(controller)
    found = f"{controller.label}: DEFAULT_REQUEUE_TIME is {seconds:g} s"
    if seconds <= _SLOW_S:
        return Finding(check="pace", state="ok", found=found)
    fix = (
        f"kubectl set env -n {controller.namespace} deployment/{controller.name} "
        "DEFAULT_REQUEUE_TIME=2s"
    )
    found = f"{found}: each step of a workflow takes about {2 * seconds:g} s longer"
    return Finding(check="pace", state="note", found=found, fix=fix)


def _config(around: Surroundings) -> Finding:
    from argoexec_cli.argo.register.controller_config import read_config

    controller = around.controller
    place = f"{controller.namespace}/{controller.config_map}"
    try:
        config = read_config((around.config_map or {}).get("data"), controller.version)
    except ArgoexecError as exc:
        found = f"ConfigMap {place}: {exc.message}; the controller exits at it"
        fix = f"kubectl edit configmap -n {controller.namespace} {controller.config_map}"
        return Finding(check="config", state="wrong", found=found, fix=fix)
    instance = f", instanceID {config.instance_id}" if config.instance_id else ""
    switched = (
        ", tasks are left to an agent" if config.fields.get("disableAgentPodCreation") else ""
    )
    return Finding(check="config", state="ok", found=f"ConfigMap {place}{instance}{switched}")


def _rights(around: Surroundings) -> Finding:
    account = f"{around.controller.namespace}/{around.controller.account}"
    what = "patch workflowtasksets/status"
    if around.may_patch_status is None:
        found = f"we may not ask whether {account} may {what}"
        return Finding(check="rights", state="note", found=found, fix="ask an administrator")
    if around.may_patch_status:
        return Finding(check="rights", state="ok", found=f"{account} may {what}")
    found = f"{account} may not {what}: finished tasks are never cleared away"
    return Finding(check="rights", state="wrong", found=found, fix=f"add to its role: {_RULE}")


async def _routes(kube: Kube, controller: Controller) -> list[Finding]:
    from argoexec_cli.cli.checks_routes import find_routes

    try:
        routes = await find_routes(kube, controller)
    except DeniedError as exc:
        return [Finding(check="route", state="note", found=exc.message, fix=exc.hint)]
    reached = [_seen_from_here(one.name, one.endpoint) for one in routes if one.endpoint]
    return [*(one.finding for one in routes), *await asyncio.gather(*reached)]


async def _seen_from_here(name: str, endpoint: str) -> Finding:
    """Tell whether a daemon answers that pods of the cluster call: they may see what we do not."""
    found = await _reach(name, endpoint)
    if found.state == "ok":
        return found
    return Finding(
        check=found.check, state="note", found=f"from here, {found.found}", fix=found.fix
    )


async def _executors(kube: Kube, namespace: str) -> list[Finding]:
    from argoexec_cli.argo.register.looking import find_object
    from argoexec_cli.cli.registered import read_data
    from argoexec_cli.controller.registry import CONFIG_MAP
    from argoexec_cli.kube.resources import CONFIG_MAPS

    found = await find_object(kube, CONFIG_MAPS, CONFIG_MAP, namespace)
    registry = read_data((found or {}).get("data") or {})
    known = [(name, each.endpoint) for name, each in registry.executors.items()]
    return list(await asyncio.gather(*(_reach(name, endpoint) for name, endpoint in known)))


async def _reach(name: str, endpoint: str) -> Finding:
    """Tell whether something answers at *endpoint*, as seen from here."""
    if endpoint.startswith("unix://"):
        found = f"{name} at {endpoint}: a socket of one machine"
        fix = f"argoexec register {name} --cluster --endpoint HOST:7401"
        return Finding(check="executor", state="wrong", found=found, fix=fix)
    host, _, port = endpoint.removeprefix("dns:///").rpartition(":")
    try:
        async with asyncio.timeout(_PATIENCE_S):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        writer.close()
        await writer.wait_closed()
    except (OSError, ValueError) as exc:
        found = f"{name} at {endpoint} does not answer: {str(exc) or 'no answer in time'}"
        return Finding(check="executor", state="wrong", found=found, fix="argoexec serve there")
    return Finding(check="executor", state="ok", found=f"{name} at {endpoint} answers")
