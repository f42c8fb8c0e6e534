"""The command line as a typer program: for help, completion, usage errors and unusual forms.

Plain command lines never come here; see `cli.fast`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from argoexec_cli.cli.boundary import show_message
from argoexec_cli.cli.catalog import COMMANDS, names
from argoexec_cli.cli.dashes import refuse_undashed
from argoexec_cli.cli.declare import REQUIRED, Argument, Param, fields_of
from argoexec_cli.cli.run import Command, load_command, run_command
from argoexec_cli.cli.session import Options
from argoexec_cli.errors import ExitCode

_EPILOG = (
    "Exit codes: 0 ok, 1 the task failed, 2 usage, 3 not found, 4 timed out, 5 server "
    "unreachable, 6 denied, 7 no capacity, 8 stopped, 130 interrupted."
)
_HELP: Final = {"help_option_names": ["-h", "--help"]}
_ELSEWHERE: Final = {
    "apply": "submit",
    "create": "submit",
    "run": "submit",
    "ls": "list",
    "ps": "list",
    "describe": "get",
    "inspect": "get",
    "show": "get",
    "attach": "logs -f",
    "rm": "delete",
    "kill": "stop",
    "terminate": "stop",
    "cancel": "stop",
    "retry": "submit",
    "resubmit": "submit",
    "status": "get",
    "top": "list",
    "info": "doctor",
    "config": "context",
    "completion": "--install-completion",
}
"""What argo, kubectl and docker call our commands."""
_ANNOTATED: Any = Annotated
_UsageError: Any = typer.BadParameter.__base__


class Root(TyperGroup):
    """The group of all commands; imports a command's module only when the command is wanted."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return all names, in the order of help."""
        return names()

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Build the command of that name; None when there is none."""
        if cmd_name not in names():
            return None
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        single.command(cmd_name, context_settings=_HELP)(to_callback(load_command(cmd_name)))
        return typer.main.get_command(single)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that *args* names; suggest the nearest name for an unknown one."""
        if args and not args[0].startswith("-") and args[0] not in names():
            ctx.fail(f"there is no command {args[0]!r}{_suggestion(args[0])}")
        if args and args[0] in names():
            refuse_undashed(args[0], load_command(args[0]).signature.params, args[1:])
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands in their groups, without loading any."""
        for title, commands in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))


def run_app(words: Sequence[str]) -> int:
    """Run the command line *words*; return the exit code. Nothing at all shows help."""
    app = typer.Typer(
        cls=Root,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        epilog=_EPILOG,
        context_settings=_HELP,
    )
    app.callback()(_root)
    root: Any = typer.main.get_command(app)
    try:
        code = root.main(_usual(words), prog_name="argoexec", standalone_mode=False)
    except _UsageError as exc:
        show_message(exc.format_message().rstrip("."), _next_step(exc, words))
        return ExitCode.USAGE
    except typer.Abort:
        return ExitCode.INTERRUPTED
    except SystemExit as exc:  # typer's way to end after completion
        return int(exc.code or 0)
    return int(code or 0)


def _usual(words: Sequence[str]) -> list[str]:
    """Return *words* with the other programs' ways to ask for help and version made ours."""
    first, *rest = words or ["--help"]
    if first == "help":
        return [*(word for word in rest[:1] if word in names()), "--help"]
    return ["version" if first == "--version" else first, *rest]


def _suggestion(wrong: str) -> str:
    import difflib

    close = difflib.get_close_matches(wrong, names(), n=1)
    meant = _ELSEWHERE.get(wrong) or next(iter(close), "")
    return f"; did you mean {meant}?" if meant else ""


def _next_step(error: Any, words: Sequence[str]) -> str:
    """Return the right form of what users of kubectl type, or the help of the command."""
    command = next((word for word in words[:1] if word in names()), "")
    match [*words]:
        case ["submit", "-f" | "--filename", file, *_]:
            return f"argoexec submit {file}"
        case [_, "pod" | "run" as kind, name, *_] if command and not name.startswith("-"):
            return f"argoexec {command} {kind}/{name}"
    # Some errors do not say which command they are about.
    path = error.ctx.command_path if error.ctx is not None else f"argoexec {command}".rstrip()
    return f"{path} --help"


def to_callback(command: Command) -> Callable[..., int]:
    """Return a function that typer takes for the command, with its parameters and docstring."""

    def callback(ctx: typer.Context, **given: Any) -> int:
        before = ctx.obj if isinstance(ctx.obj, Options) else None
        return run_command(command, given, before)

    _declare(callback, command.signature.params)
    callback.__doc__ = command.function.__doc__
    return callback


def _declare(
    callback: Callable[..., Any], params: Sequence[Param], *, hidden: bool = False
) -> None:
    """Have typer see *params*, after the context, as the parameters of *callback*."""
    # Keyword-only, because then one without a default may follow one with a default.
    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter("ctx", kind, annotation=typer.Context)]
    for param in params:
        annotation = _ANNOTATED[param.type, _info(param, hidden=hidden)]
        default = inspect.Parameter.empty if param.default is REQUIRED else param.default
        parameters.append(
            inspect.Parameter(param.name, kind, default=default, annotation=annotation)
        )
    callback.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # for typer
    callback.__annotations__ = {each.name: each.annotation for each in parameters}


def _info(param: Param, *, hidden: bool) -> Any:
    declared = param.declared
    if isinstance(declared, Argument):
        return typer.Argument(
            metavar=declared.metavar,
            help=declared.help,
            show_default=False,
            autocompletion=declared.complete,
        )
    return typer.Option(
        *param.flags,
        metavar=declared.metavar,
        help=declared.help,
        hidden=hidden,
        min=declared.min,
        autocompletion=declared.complete,
    )


def _root(ctx: typer.Context, **given: Any) -> None:
    """Run the tasks of Argo Workflows anywhere.

    First steps: argoexec demo, or: argoexec serve --detach, then argoexec submit FILE --log.
    Every command also takes --server, --context, --tls-ca, --tls-cert, --tls-key, --namespace,
    --quiet, --no-color and --debug.
    """
    ctx.obj = Options(**given)


_declare(_root, fields_of(Options), hidden=True)
