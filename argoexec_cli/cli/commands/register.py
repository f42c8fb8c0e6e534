"""`argoexec register`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from argoexec_cli.cli.completion import complete_executor
from argoexec_cli.cli.declare import Argument, Option
from argoexec_cli.cli.output import write
from argoexec_cli.cli.session import Session
from argoexec_cli.cli.table import render_table
from argoexec_cli.controller.registry import Registry, read_registry_file
from argoexec_cli.errors import InvalidError


def register_(
    session: Session,
    name: Annotated[
        str,
        Argument(metavar="[NAME]", help="The executor.", complete=complete_executor),
    ] = "",
    endpoint: Annotated[
        str, Option(metavar="ADDRESS", help="Where it answers: unix:///path or host:port.")
    ] = "",
    default: Annotated[
        bool, Option("--default", help="Send runs there that name no executor.")
    ] = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Only show the difference.")] = False,
    config_map: Annotated[
        Path | None, Option(metavar="FILE", help="The manifest to change.")
    ] = None,
) -> None:
    """Tell the controller of an executor's name and address.

    Writes the ConfigMap argo-workflows-controller-configmap, here as a file in the config
    directory. Repeating it changes nothing; other keys, comments and order stay. Without a NAME it
    shows what is registered.
    """
    path = config_map or Path(session.settings.registry.value)
    registry = read_registry_file(path)
    if not name and (endpoint or default or dry_run):
        raise InvalidError(
            "a NAME is missing: what shall the executor be called?",
            hint="argoexec register my-custom-executor --endpoint ADDRESS --default",
        )
    if not name:
        _show(session, registry, path)
        return
    known = registry.executors.get(name)
    endpoint = endpoint or (known.endpoint if known else "")
    if not endpoint:
        own = f"unix://{session.settings.socket.value}"
        hint = f"argoexec register {name} --endpoint {own}"
        raise InvalidError(f"{name} is new: --endpoint is needed", hint=hint)
    _change(session, path, name, endpoint, default=default, dry_run=dry_run)


def _change(
    session: Session, path: Path, name: str, endpoint: str, *, default: bool, dry_run: bool
) -> None:
    from argoexec_cli.controller.registering import plan_register, render_diff, write_registry

    old = path.read_text() if path.exists() else None
    new = plan_register(old, name, endpoint, default=default, file=str(path))
    if new == (old or ""):
        session.say(f"{name} is registered already; nothing to change in {path}")
        return
    if dry_run:
        write(render_diff(old, new, str(path)))
        session.say("this was a dry run: nothing was written")
        return
    write_registry(path, new)
    session.say(f"registered {name} at {endpoint}{' as default' if default else ''} in {path}")


def _show(session: Session, registry: Registry, path: Path) -> None:
    if not registry.executors:
        session.say(f"no executor is registered in {path}")
        return
    rows = [
        [name, each.endpoint, "yes" if name == registry.default else ""]
        for name, each in registry.executors.items()
    ]
    write(render_table(rows, header=["NAME", "ENDPOINT", "DEFAULT"], color=session.color))
