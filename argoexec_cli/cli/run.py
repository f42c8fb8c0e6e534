"""Finds a command by its name, and runs it."""

import importlib
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from argoexec_cli.cli.catalog import module_of
from argoexec_cli.cli.declare import Signature
from argoexec_cli.cli.session import Options, Session


class Command(NamedTuple):
    """A command's function and its parameters."""

    function: Callable[..., Any]
    signature: Signature


def load_command(name: str) -> Command:
    """Import the command called *name*, which the catalog has."""
    function = getattr(importlib.import_module(module_of(name)), f"{name}_")
    return Command(function, Signature(function, Options))


def run_command(command: Command, given: dict[str, Any], before: Options | None = None) -> int:
    """Call the command, wait for a coroutine's end, and return the exit code.

    *before* are the options that stood before the command's name.
    """
    options, arguments = command.signature.split(given)
    session = Session(options.over(before) if before is not None else options)
    outcome = command.function(session, **arguments)
    if isinstance(outcome, Coroutine):
        import asyncio

        outcome = asyncio.run(outcome)
    return int(outcome or 0)
