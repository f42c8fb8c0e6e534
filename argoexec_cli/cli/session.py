"""What every command gets: the common options, the settings, and ways to talk to the user."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable, Coroutine
from functools import cached_property
from typing import Annotated, Any, NamedTuple, get_type_hints

import typer

from argoexec_cli.cli.completion import complete_server
from argoexec_cli.config.load import load_settings
from argoexec_cli.config.settings import Settings


class Options(NamedTuple):
    """The options that every command has."""

    server: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="The daemon: host:port or unix:///path.",
            autocompletion=complete_server,
        ),
    ] = ""
    namespace: Annotated[
        str,
        typer.Option("--namespace", "-n", metavar="NAME", help="Act in this one, not in default."),
    ] = ""
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False
    no_color: Annotated[bool, typer.Option("--no-color", help="Never use colour.")] = False
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print data and errors, nothing else.")
    ] = False

    def over(self, other: Options) -> Options:
        """Merge with what was given before the command's name; this one wins."""
        return Options(
            self.server or other.server,
            self.namespace or other.namespace,
            self.debug or other.debug,
            self.no_color or other.no_color,
            self.quiet or other.quiet,
        )


class Session:
    """One invocation of a command. Settings are read when first needed."""

    def __init__(self, options: Options) -> None:
        """Keep the options; nothing is read or connected yet."""
        self.options = options

    @cached_property
    def settings(self) -> Settings:
        """Every setting; `InvalidError` when the config file is wrong."""
        return load_settings(self.options.server)

    @property
    def namespace(self) -> str:
        """The namespace to act in."""
        return self.options.namespace or "default"

    @property
    def color(self) -> bool:
        """Whether stdout is for eyes: a terminal, and nobody asked for no colour."""
        return sys.stdout.isatty() and not self.options.no_color and not self.settings.no_color

    def say(self, line: str) -> None:
        """Tell the user something that is no data: on stderr, and not with --quiet."""
        self.say_text(f"{line}\n")

    def say_text(self, text: str) -> None:
        """Like `say`, without ending the line."""
        if not self.options.quiet:
            sys.stderr.write(text)
            sys.stderr.flush()


Command = Callable[..., Coroutine[Any, Any, int | None] | int | None]


def with_session(command: Command) -> Callable[..., None]:
    """Make typer's callback of *command*, whose first parameter is the session.

    A parameter whose type is a NamedTuple stands for one option per field. Adds the common
    options, runs a coroutine to its end (typer would drop it without a word), and turns what the
    command returns into the exit code.
    """
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    bundles = {each.name: each.annotation for each in own if _is_bundle(each.annotation)}

    def callback(ctx: typer.Context, **given: Any) -> None:
        mine = _take(given, Options)
        session = Session(mine.over(ctx.obj) if isinstance(ctx.obj, Options) else mine)
        given |= {name: _take(given, bundle) for name, bundle in bundles.items()}
        outcome = command(session, **given)
        code = asyncio.run(outcome) if isinstance(outcome, Coroutine) else outcome
        if code:
            raise typer.Exit(code)

    parameters = [_parameter("ctx", typer.Context)]
    for each in own:
        parameters += _fields(each.annotation) if each.name in bundles else [_keyword(each)]
    parameters += _fields(Options)
    callback.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # for typer
    callback.__annotations__ = {each.name: each.annotation for each in parameters}
    callback.__doc__ = command.__doc__
    callback.__name__ = command.__name__
    return callback


def _is_bundle(annotation: Any) -> bool:
    return isinstance(annotation, type) and hasattr(annotation, "_field_defaults")


def _take(given: dict[str, Any], bundle: Any) -> Any:
    """Move the fields of *bundle* out of *given*."""
    return bundle(**{name: given.pop(name) for name in bundle._fields})


def _fields(bundle: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(bundle, include_extras=True)
    defaults = bundle._field_defaults
    return [
        _parameter(name, hints[name], defaults.get(name, inspect.Parameter.empty))
        for name in bundle._fields
    ]


def _parameter(
    name: str, annotation: Any, default: Any = inspect.Parameter.empty
) -> inspect.Parameter:
    # Keyword-only, because then one without a default may follow one with a default.
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


def _keyword(parameter: inspect.Parameter) -> inspect.Parameter:
    return parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
