"""The edge between the program and the shell: every failure becomes a message and an exit code."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from argoexec_cli.errors import (
    ArgoexecError,
    CapacityError,
    DeniedError,
    ExitCode,
    PreconditionError,
)

_NOWHERE: Final = PreconditionError(
    "the directory that this shell is in was deleted", hint="go to another one: cd"
)


def guarded(work: Callable[[], int], words: Sequence[str]) -> int:
    """Do *work*, the command line *words*; return the exit code, whatever happens.

    Expected errors say what happened and what to do. Anything else is a bug and says so, with its
    traceback only under --debug.
    """
    debug = "--debug" in words
    try:
        code = work()
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        return _reader_gone()
    except ArgoexecError as exc:
        return show_error(exc, _next_best_step(exc, words), debug=debug)
    except Exception as exc:  # noqa: BLE001 - the boundary: users get no traceback of a bug
        fault = _fault_of_machine(exc)
        return show_error(fault, debug=debug) if fault else show_bug(exc, debug=debug)


def show_error(error: ArgoexecError, next_best: str = "", *, debug: bool = False) -> ExitCode:
    """Print an expected error on stderr, *next_best* where it has no hint; return its exit code."""
    if debug:
        _show_traceback(error)
    show_message(error.message, error.hint or next_best)
    return error.exit_code


def show_bug(error: BaseException, *, debug: bool) -> ExitCode:
    """Print an error that nobody expected; return 1."""
    if debug:
        _show_traceback(error)
    detail = " ".join(str(error).split()) or "no message"
    show_message(
        f"{type(error).__name__}: {detail}",
        "this is a bug in argoexec; --debug shows the traceback",
    )
    return ExitCode.FAILED


def show_message(message: str, hint: str) -> None:
    """Print an error's message in one line, and its hint; the exit code is to say it anyhow."""
    lines = f"error: {' '.join(message.split())}\n" + (f"hint: {hint}\n" if hint else "")
    with suppress(OSError):
        sys.stderr.write(lines)
        sys.stderr.flush()


def _show_traceback(error: BaseException) -> None:
    import traceback

    traceback.print_exception(error, file=sys.stderr)


def _fault_of_machine(error: Exception) -> ArgoexecError | None:
    """Return what the machine lacks, where that is all that is wrong; None for a bug."""
    if isinstance(error, FileNotFoundError) and not _stands_somewhere():
        return _NOWHERE
    if not isinstance(error, OSError):
        return None
    where = f"{error.filename}: " if error.filename else "cannot write: "
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return CapacityError(f"{where}{error.strerror}", hint="make room: df -h")
        case errno.EMFILE | errno.ENFILE:
            return PreconditionError(f"{error.strerror}", hint="raise the limit: ulimit -n")
        case errno.EACCES | errno.EPERM | errno.EROFS | errno.ENOTDIR if error.filename:
            return DeniedError(f"{where}{error.strerror}", hint=f"ls -ld {error.filename}")
        case _:
            return None


def _stands_somewhere() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def _next_best_step(error: ArgoexecError, words: Sequence[str]) -> str:
    if error.exit_code is not ExitCode.USAGE:
        return "argoexec doctor"
    command = next((word for word in words if not word.startswith("-")), "")
    return f"argoexec {command} --help".replace("  ", " ")


def _reader_gone() -> int:
    """Let a reader that went away (`| head`) end us in silence, as it ends other programs."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 128 + 13
