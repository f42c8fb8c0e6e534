"""`register` in a cluster: look, show, ask, write, verify; and back again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from argoexec_cli.cli.asking import confirmed
from argoexec_cli.cli.clusters import open_kube
from argoexec_cli.cli.output import Data, write
from argoexec_cli.cli.routing import Changing, Registration, Routing
from argoexec_cli.cli.session import Session
from argoexec_cli.errors import ExitCode, InvalidError

if TYPE_CHECKING:
    from argoexec_cli.argo.register.canary import Canary
    from argoexec_cli.argo.register.facts import Surroundings
    from argoexec_cli.argo.register.plan import Plan
    from argoexec_cli.argo.register.settings import ClientFiles, Wanted
    from argoexec_cli.kube.base import Kube
    from argoexec_cli.kube.connecting import Cluster

_NAMESPACE: Final = "argo"


async def register_in_cluster(session: Session, wanted: Registration) -> int:
    """Do what is wanted; return the exit code."""
    async with open_kube(session, wanted.cluster) as cluster:
        session.say(f"cluster: context {cluster.name} ({cluster.server})")
        if wanted.changing.revert:
            return await _revert(session, cluster, wanted)
        if wanted.routing.route == "registry":
            return await _register_executor(session, cluster, wanted)
        return await _register_route(session, cluster, wanted)


async def _register_executor(session: Session, cluster: Cluster, wanted: Registration) -> int:
    from argoexec_cli.argo.register.looking import find_controllers, find_object
    from argoexec_cli.argo.register.registry_route import check_no_controller, plan_registry
    from argoexec_cli.argo.register.rights import check_rights
    from argoexec_cli.argo.register.writing import write_plan
    from argoexec_cli.cli.registered import read_data, registration_of
    from argoexec_cli.controller.registering import plan_data
    from argoexec_cli.controller.registry import CONFIG_MAP
    from argoexec_cli.kube.resources import CONFIG_MAPS

    namespace = session.options.namespace or _NAMESPACE
    check_no_controller(await find_controllers(cluster.client, namespace), CONFIG_MAP, namespace)
    found = await find_object(cluster.client, CONFIG_MAPS, CONFIG_MAP, namespace)
    before = (found or {}).get("data") or {}
    if not wanted.name:
        return _show_registry(session, before, namespace, wanted.output)
    example = "--cluster --endpoint HOST:7401"
    entry = registration_of(session, read_data(before), wanted, example)
    data = plan_data(before, wanted.name, entry, default=wanted.default)
    plan = plan_registry(CONFIG_MAP, namespace, found, data)

    async def carry() -> None:
        await check_rights(cluster.client, plan, namespace)
        await write_plan(cluster.client, plan, namespace)

    return await _settle(session, wanted.changing, plan, carry)


async def _register_route(session: Session, cluster: Cluster, wanted: Registration) -> int:
    from argoexec_cli.argo.register.carrying import carry_out, prove
    from argoexec_cli.argo.register.looking import choose_controller, look_around
    from argoexec_cli.argo.register.versions import parse_version

    kube, routing = cluster.client, wanted.routing
    controller = await choose_controller(kube, session.options.namespace)
    if routing.argo_version:
        said = parse_version(routing.argo_version)
        if said is None:
            raise InvalidError(f"--argo-version: {routing.argo_version!r} is none", hint="4.1.2")
        controller = controller._replace(version=said)
    around = await look_around(kube, controller)
    _tell_around(session, around)
    plan = await _plan_route(kube, around, wanted)
    canary = _canary(around, wanted) if routing.canary else None

    async def carry() -> None:
        await carry_out(kube, plan, controller, canary, session.say)

    code = await _settle(session, wanted.changing, plan, carry)
    looking = wanted.changing.dry_run or wanted.changing.check
    if canary is not None and not plan.writes and not looking:
        # Others may have set it up, Helm for one, or an earlier run.
        await prove(kube, canary, session.say)
    return code


async def _plan_route(kube: Kube, around: Surroundings, wanted: Registration) -> Plan:
    from argoexec_cli.argo.register import agent_route, plugin_route
    from argoexec_cli.argo.register.rights import find_all

    settings = _settings(around, wanted)
    if wanted.routing.route == "agent":
        made = agent_route.manifests(around, settings)
        return agent_route.plan_agent(around, settings, await find_all(kube, made))
    made = plugin_route.manifests(around.controller, settings)
    return plugin_route.plan_plugin(around, settings, await find_all(kube, made))


async def _settle(
    session: Session, changing: Changing, plan: Plan, carry: Callable[[], Awaitable[None]]
) -> int:
    """Show the plan, and carry it out if that is wanted; return the exit code."""
    from argoexec_cli.argo.register.plan import render_diff

    looking = changing.dry_run or changing.check
    diff = render_diff(plan)
    if looking:
        write(diff)
    else:
        session.say_text(diff)
    for line in plan.advice:
        session.say(f"to do: {line}")
    if changing.check:
        session.say("the cluster differs" if plan.writes else "the cluster is as it should be")
        return ExitCode.FAILED if plan.writes else ExitCode.OK
    if changing.dry_run:
        session.say("this was a dry run: nothing was written")
        return ExitCode.OK
    if not plan.writes:
        session.say("nothing to change in the cluster")
        return ExitCode.OK
    count = f"{len(plan.writes)} object{'s' if len(plan.writes) > 1 else ''}"
    if not changing.yes and not confirmed(f"Write {count}?", f"this would write {count}"):
        session.say("nothing was written")
        return ExitCode.OK
    await carry()
    session.say(f"wrote {', '.join(each.label for each in plan.writes)}")
    session.say("to take it back: argoexec register --cluster --revert")
    return ExitCode.OK


async def _revert(session: Session, cluster: Cluster, wanted: Registration) -> int:
    from argoexec_cli.argo.register.record import read_record, recorded_in
    from argoexec_cli.argo.register.writing import revert

    namespace = session.options.namespace
    if not namespace:
        places = await recorded_in(cluster.client)
        if len(places) > 1:
            raise InvalidError(
                f"something was registered in several namespaces: {', '.join(places)}",
                hint=f"argoexec register --cluster --revert -n {places[0]}",
            )
        namespace = places[0] if places else _NAMESPACE
    entries = await read_record(cluster.client, namespace)
    if not entries:
        session.say(f"nothing was registered in namespace {namespace}")
        return ExitCode.OK
    for entry in entries:
        session.say(f"{entry.label}: {'restore' if entry.undo is not None else 'delete'}")
    if wanted.changing.dry_run:
        session.say("this was a dry run: nothing was written")
        return ExitCode.OK
    count = len(entries)
    if not wanted.changing.yes and not confirmed(
        f"Take back {count} changes?", f"this would take back {count} changes"
    ):
        session.say("nothing was taken back")
        return ExitCode.OK
    for line in await revert(cluster.client, namespace):
        write(f"{line}\n")
    return ExitCode.OK


def _show_registry(
    session: Session, data: dict[str, str], namespace: str, output: Data | None
) -> int:
    from argoexec_cli.cli.registered import read_data, show_registry
    from argoexec_cli.controller.registry import CONFIG_MAP

    place = f"the ConfigMap {namespace}/{CONFIG_MAP}"
    show_registry(session, read_data(data), place, output)
    return ExitCode.OK


def _tell_around(session: Session, around: Surroundings) -> None:
    controller = around.controller
    version = controller.version or "version unknown"
    session.say(
        f"controller: {controller.label}, {version}, {controller.install}, "
        f"ConfigMap {controller.config_map}"
    )


def _settings(around: Surroundings, wanted: Registration) -> Wanted:
    from argoexec_cli.argo.register.settings import DEFAULT_IMAGE, Wanted
    from argoexec_cli.controller.registry import check_endpoint

    routing, controller = wanted.routing, around.controller
    if not wanted.endpoint:
        raise InvalidError(
            "--endpoint is needed: where does the daemon answer?",
            hint=f"argoexec register --route {routing.route} --endpoint HOST:7401",
        )
    check_endpoint(wanted.endpoint)
    if wanted.endpoint.startswith("unix://"):
        raise InvalidError(
            f"{wanted.endpoint}: pods of the cluster do not reach a socket of this machine",
            hint="argoexec serve --listen HOST:7401, and --endpoint HOST:7401",
        )
    usual = (controller.watches or controller.namespace,)
    return Wanted(
        endpoint=wanted.endpoint,
        image=routing.image or DEFAULT_IMAGE,
        namespaces=tuple(routing.workflow_namespace or usual),
        account=routing.service_account,
        files=_client_files(routing),
        enable_plugins=routing.enable_plugins,
        deploy=routing.deploy,
    )


def _client_files(routing: Routing) -> ClientFiles:
    from argoexec_cli.argo.register.settings import ClientFiles

    paths = (routing.client_ca, routing.client_cert, routing.client_key)
    return ClientFiles(*(_read_pem(path) if path else "" for path in paths))


def _read_pem(path: Path) -> str:
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "not a PEM file"
        raise InvalidError(f"{path}: {reason}", hint=f"ls -l {path}") from exc
    if "-----BEGIN " not in text:
        raise InvalidError(f"{path}: not a PEM file", hint=f"file {path}")
    return text


def _canary(around: Surroundings, wanted: Registration) -> Canary:
    from argoexec_cli.argo.register.canary import Canary
    from argoexec_cli.argo.register.controller_config import read_config

    data = (around.config_map or {}).get("data")
    routing, controller = wanted.routing, around.controller
    return Canary(
        namespace=(routing.workflow_namespace or [controller.watches or controller.namespace])[0],
        account=routing.service_account,
        image=routing.canary_image,
        instance_id=read_config(data, controller.version).instance_id,
    )
