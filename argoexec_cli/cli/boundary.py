"""The edge between the program and the shell: every failure becomes a message and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from argoexec_cli.errors import ArgoexecError, ExitCode

_UsageError: Any = typer.BadParameter.__base__


class ErrorBoundary(TyperGroup):
    """Turns every failure into one message on stderr and an exit code.

    Expected errors say what happened and what to do; anything else is a bug and says so, with its
    traceback only under --debug.
    """

    def main(self, args: Sequence[str] | None = None, *extra: Any, **more: Any) -> Any:
        """Run the command line *args* and leave with its exit code."""
        more["standalone_mode"] = False
        words = list(sys.argv[1:] if args is None else args)
        try:
            code = super().main(words or ["--help"], *extra, **more)
        except _UsageError as exc:
            code = show_usage_error(exc)
        except (KeyboardInterrupt, typer.Abort):
            code = ExitCode.INTERRUPTED
        except BrokenPipeError:
            code = _reader_gone()
        except ArgoexecError as exc:
            hint = _next_best_step(exc, words)
            code = show_error(exc, hint, debug="--debug" in words)
        except Exception as exc:  # noqa: BLE001 - the boundary: users get no traceback of a bug
            code = show_bug(exc, debug="--debug" in words)
        sys.exit(_flush(int(code or 0)))


def show_error(error: ArgoexecError, next_best: str = "", *, debug: bool = False) -> ExitCode:
    """Print an expected error on stderr, *next_best* where it has no hint; return its exit code."""
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    _print_message(error.message, error.hint or next_best)
    return error.exit_code


def show_usage_error(error: Any) -> ExitCode:
    """Print what is wrong with the command line; return the exit code of usage errors."""
    command = error.ctx.command_path if error.ctx is not None else "argoexec"
    _print_message(error.format_message().rstrip("."), f"{command} --help")
    return ExitCode.USAGE


def show_bug(error: BaseException, *, debug: bool) -> ExitCode:
    """Print an error that nobody expected; return 1."""
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    detail = " ".join(str(error).split()) or "no message"
    _print_message(
        f"{type(error).__name__}: {detail}",
        "this is a bug in argoexec; --debug shows the traceback",
    )
    return ExitCode.FAILED


def _next_best_step(error: ArgoexecError, words: Sequence[str]) -> str:
    if error.exit_code is not ExitCode.USAGE:
        return "argoexec doctor"
    command = next((word for word in words if not word.startswith("-")), "")
    return f"argoexec {command} --help".replace("  ", " ")


def _print_message(message: str, hint: str) -> None:
    lines = f"error: {' '.join(message.split())}\n" + (f"hint: {hint}\n" if hint else "")
    sys.stderr.write(lines)


def _reader_gone() -> int:
    """Let a reader that went away (`| head`) end us in silence, as it ends other programs."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 128 + 13


def _flush(code: int) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return _reader_gone()
    return code
