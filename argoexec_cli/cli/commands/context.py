"""`argoexec context`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from argoexec_cli.cli.completion import complete_context
from argoexec_cli.cli.declare import Argument, Option
from argoexec_cli.cli.output import Data, write, write_data
from argoexec_cli.cli.session import Session
from argoexec_cli.cli.table import render_table
from argoexec_cli.errors import InvalidError
from argoexec_cli.models.base import encode

if TYPE_CHECKING:
    from argoexec_cli.config.settings import Context


def context_(
    session: Session,
    action: Annotated[
        Literal["list", "use", "delete"], Argument(metavar="[ACTION]", help="list, use or delete.")
    ] = "list",
    name: Annotated[
        str, Argument(metavar="[NAME]", help="The context.", complete=complete_context)
    ] = "",
    output: Annotated[
        Data | None, Option("--output", "-o", metavar="FORMAT", help="json or yaml.")
    ] = None,
) -> None:
    """Choose among the servers of the config file.

    A context is a server with a name: its address, the files for TLS, and perhaps the way there
    through SSH. `use NAME` makes it the one that commands talk to.
    """
    if action == "list":
        _show(session, output)
        return
    if not name:
        hint = f"argoexec context {action} NAME; to see them: argoexec context list"
        raise InvalidError(f"a NAME is missing: which context shall I {action}?", hint=hint)
    from argoexec_cli.config.contexts import delete_context, use_context

    path = Path(session.settings.config.value)
    if action == "use":
        use_context(path, name)
        session.say(f"commands talk to {name} from now on")
    else:
        delete_context(path, name)
        session.say(f"forgot the context {name}; its files stay where they are")


def _show(session: Session, output: Data | None) -> None:
    contexts, current = session.settings.contexts, session.settings.current_context
    if output is not None:
        data = [encode(each) | {"current": each.name == current} for each in contexts]
        write_data(data, output)
    elif not contexts:
        session.say(f"no context is in {session.settings.config.value}")
    else:
        rows = [_row(each, current=each.name == current) for each in contexts]
        header = ["CURRENT", "NAME", "SERVER", "SECURITY", "VIA"]
        write(render_table(rows, header=header, color=session.color))


def _row(context: Context, *, current: bool) -> list[str]:
    way = f"ssh {context.ssh.host}" if context.via and context.ssh else ""
    return ["*" if current else "", context.name, context.server, _security(context), way]


def _security(context: Context) -> str:
    if context.server.startswith("unix:"):
        return "socket"
    if context.tls is None:
        return "none"
    return "mTLS" if context.tls.cert else "TLS"
