"""`argoexec register`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NamedTuple

from argoexec_cli.cli.clusters import ClusterOptions
from argoexec_cli.cli.completion import complete_executor
from argoexec_cli.cli.declare import Argument, Option
from argoexec_cli.cli.output import Data, write
from argoexec_cli.cli.registered import registration_of, show_registry
from argoexec_cli.cli.routing import Changing, Registration, Routing
from argoexec_cli.cli.session import Session
from argoexec_cli.controller.registry import Registration as Entry
from argoexec_cli.controller.registry import read_registry_file
from argoexec_cli.errors import ExitCode, InvalidError


class Target(NamedTuple):
    """Which address to make known."""

    endpoint: Annotated[
        str, Option(metavar="ADDRESS", help="Where it answers: unix:///path or host:port.")
    ] = ""
    default: Annotated[bool, Option("--default", help="Send runs there that name no executor.")] = (
        False
    )
    config_map: Annotated[Path | None, Option(metavar="FILE", help="The manifest to change.")] = (
        None
    )
    output: Annotated[
        Data | None,
        Option("--output", "-o", metavar="FORMAT", help="Without a NAME: json or yaml."),
    ] = None


def register_(
    session: Session,
    target: Target,
    changing: Changing,
    cluster: ClusterOptions,
    routing: Routing,
    name: Annotated[
        str,
        Argument(metavar="[NAME]", help="The executor.", complete=complete_executor),
    ] = "",
) -> int:
    """Tell the controller of an executor's name and address.

    Writes the ConfigMap argo-workflows-controller-configmap: a file in the config directory, or,
    with --cluster, the cluster's. With --route Argo's own controller is told, by a plugin or an
    agent. Repeating it changes nothing; other keys, comments and order stay. Without a NAME it
    shows what is registered; --revert restores what was there before the first NAME. --tls-ca,
    --tls-cert and --tls-key are written as paths: the daemon that sends pods there reads them.
    """
    said = (name, target.endpoint, target.default)
    wanted = Registration(*said, changing, cluster, routing, target.output)
    if changing.revert and (name or target.endpoint or target.default):
        raise InvalidError(
            "--revert takes back all that was registered",
            hint="argoexec register --revert, without NAME, --endpoint and --default",
        )
    if wanted.in_cluster:
        return _in_cluster(session, target, wanted)
    return _in_file(session, target, wanted)


def _in_file(session: Session, target: Target, wanted: Registration) -> int:
    changing, name = wanted.changing, wanted.name
    path = target.config_map or Path(session.settings.registry.value)
    if changing.revert:
        return _revert(session, path, changing)
    registry = read_registry_file(path)
    asks = target.endpoint or target.default or changing.dry_run or changing.check
    if not name and asks:
        raise InvalidError(
            "a NAME is missing: what shall the executor be called?",
            hint="argoexec register my-custom-executor --endpoint ADDRESS --default",
        )
    if not name:
        show_registry(session, registry, path, target.output)
        return ExitCode.OK
    example = f"--endpoint unix://{session.settings.socket.value}"
    return _change(session, path, wanted, registration_of(session, registry, wanted, example))


def _in_cluster(session: Session, target: Target, wanted: Registration) -> int:
    import asyncio

    from argoexec_cli.cli.registration import register_in_cluster

    if target.config_map is not None:
        raise InvalidError("--config-map is a file, and a cluster is meant", hint="leave it out")
    return asyncio.run(register_in_cluster(session, wanted))


def _change(session: Session, path: Path, wanted: Registration, entry: Entry | None) -> int:
    from argoexec_cli.controller.registering import plan_register, read_manifest, render_diff
    from argoexec_cli.controller.reverting import register_text

    name = wanted.name
    old = read_manifest(path)
    new = plan_register(old, name, entry, default=wanted.default, file=str(path))
    if new == (old or ""):
        session.say(f"{name} is registered already; nothing to change in {path}")
        return ExitCode.OK
    if wanted.changing.check:
        write(render_diff(old, new, str(path)))
        return ExitCode.FAILED
    if wanted.changing.dry_run:
        write(render_diff(old, new, str(path)))
        session.say("this was a dry run: nothing was written")
        return ExitCode.OK
    register_text(path, old, new)
    as_default = " as default" if wanted.default else ""
    where = f" at {entry.endpoint}" if entry else ""
    session.say(f"registered {name}{where}{as_default} in {path}")
    if session.settings.kubeconfig.value:
        session.say("in the cluster it is registered by --cluster")
    return ExitCode.OK


def _revert(session: Session, path: Path, changing: Changing) -> int:
    from argoexec_cli.controller.registering import read_manifest, render_diff
    from argoexec_cli.controller.reverting import plan_revert, read_record, revert_text

    record = read_record(path)
    if record is None:
        session.say(f"nothing was registered in {path}")
        return ExitCode.OK
    old = read_manifest(path)
    new = plan_revert(old, record, str(path))
    if changing.check or changing.dry_run:
        write(render_diff(old, new, str(path)))
        return ExitCode.FAILED if changing.check and new != old else ExitCode.OK
    revert_text(path, new)
    session.say(f"{path} is {'restored' if new is not None else 'deleted'}")
    return ExitCode.OK
