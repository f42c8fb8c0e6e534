"""The root of the command line: the options that every command has, and commands loaded by name."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

import typer

from argoexec_cli.cli.boundary import ErrorBoundary
from argoexec_cli.cli.catalog import COMMANDS, module_of, names
from argoexec_cli.cli.session import Options, with_session

_EPILOG = (
    "Exit codes: 0 ok, 1 the task failed, 2 usage, 3 not found, 4 timed out, 5 server "
    "unreachable, 6 denied, 7 no capacity, 8 stopped, 130 interrupted."
)


class Root(ErrorBoundary):
    """The group of all commands; imports a command's module only when the command is wanted."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return all names, in the order of help."""
        return names()

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Build the command of that name; None when there is none."""
        if cmd_name not in names():
            return None
        return load_command(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that *args* names; suggest the nearest name for an unknown one."""
        if args and not args[0].startswith("-") and args[0] not in names():
            import difflib

            close = difflib.get_close_matches(args[0], names(), n=1)
            suggestion = f"; did you mean {close[0]}?" if close else ""
            ctx.fail(f"there is no command {args[0]!r}{suggestion}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands in their groups, without loading any."""
        for title, commands in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))


def load_command(name: str) -> Any:
    """Import a command and make it what typer runs."""
    function = getattr(importlib.import_module(module_of(name)), f"{name}_")
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name)(with_session(function))
    return typer.main.get_command(single)


def build_app() -> Any:
    """Make the whole command line; cheap, because no command is loaded."""
    app = typer.Typer(
        cls=Root, rich_markup_mode=None, pretty_exceptions_enable=False, epilog=_EPILOG
    )
    app.callback()(_root)
    return typer.main.get_command(app)


def _root(
    ctx: typer.Context,
    server: Annotated[str, typer.Option(metavar="ADDRESS", hidden=True)] = "",
    namespace: Annotated[str, typer.Option("--namespace", "-n", hidden=True)] = "",
    debug: Annotated[bool, typer.Option("--debug", hidden=True)] = False,
    no_color: Annotated[bool, typer.Option("--no-color", hidden=True)] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", hidden=True)] = False,
) -> None:
    """Run the tasks of Argo Workflows anywhere.

    First steps: argoexec demo, or: argoexec serve --detach, then argoexec submit FILE --log.
    Every command also takes --server, --namespace, --quiet, --no-color and --debug.
    """
    ctx.obj = Options(server, namespace, debug, no_color, quiet)
