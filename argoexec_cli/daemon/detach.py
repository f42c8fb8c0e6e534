"""Going into the background: the parent waits until the daemon is ready, or shows why it is not.

Nothing of gRPC may be imported by then, and no thread be running: neither survives a fork.
"""

from __future__ import annotations

import json
import os
import select
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NoReturn

from argoexec_cli import errors
from argoexec_cli.errors import ArgoexecError, DeniedError, PreconditionError, TimedOutError

Ready = Callable[[str], None]
"""What the daemon calls once, with a line for the user, when it answers."""

READY_LIMIT_S: Final = 30.0


def in_background(
    serve: Callable[[Ready], int], *, log_file: Path, limit_s: float = READY_LIMIT_S
) -> str:
    """Run `serve(ready)` in a process of its own session; return what it passes to `ready`.

    Its output goes to *log_file*; its working directory and umask stay. An `ArgoexecError` that it
    raises before it is ready is raised here, as its own class. Raises `PreconditionError` when it
    ends without a word, `TimedOutError`, leaving it alone, when it is not ready after *limit_s*.
    """
    if "grpc" in sys.modules or threading.active_count() > 1:
        raise RuntimeError("too late to fork: gRPC is imported, or threads are running")
    log = _open_log(log_file)
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.close(reader)
        # The second fork lets init, and not our caller, be the parent that reaps the daemon, which
        # as no session's leader can never get a terminal.
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
        _become_daemon(serve, writer, log)
    os.close(writer)
    os.close(log)
    os.waitpid(child, 0)
    try:
        return _await_word(reader, log_file, limit_s)
    finally:
        os.close(reader)


def _open_log(path: Path) -> int:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        kind = DeniedError if isinstance(exc, PermissionError) else PreconditionError
        text = f"cannot write the daemon's log {path}: {exc.strerror}"
        raise kind(text, hint="choose another place with --data-dir") from exc


def _become_daemon(serve: Callable[[Ready], int], writer: int, log: int) -> NoReturn:
    """Run *serve* and exit with its result; nothing of the parent's own ending may run here."""
    code = 1
    try:
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        code = serve(lambda text: _say(writer, {"ready": text}))
    except ArgoexecError as exc:
        _say(writer, {"error": type(exc).__name__, "message": exc.message, "hint": exc.hint})
        sys.stderr.write(f"error: {exc.message}\n")
        code = exc.exit_code
    except BaseException:  # noqa: BLE001 - the last boundary of this process
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _say(writer: int, word: dict[str, str]) -> None:
    """Send one word to the parent, who hears no second one, or may have gone."""
    try:
        os.write(writer, json.dumps(word).encode() + b"\n")
        os.close(writer)
    except OSError:
        return


def _await_word(reader: int, log_file: Path, limit_s: float) -> str:
    heard, deadline = b"", time.monotonic() + limit_s
    while not heard.endswith(b"\n"):
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not select.select([reader], [], [], left_s)[0]:
            text = f"the daemon was not ready within {limit_s:g} s; it goes on starting"
            raise TimedOutError(text, hint=f"tail {log_file}")
        part = os.read(reader, 65_536)
        if not part:
            text = "the daemon ended before it was ready"
            raise PreconditionError(text, hint=f"tail {log_file}")
        heard += part
    word: dict[str, Any] = json.loads(heard)
    if "ready" in word:
        return str(word["ready"])
    raise _rebuilt(word)


def _rebuilt(word: dict[str, Any]) -> ArgoexecError:
    found = getattr(errors, word["error"], PreconditionError)
    kind: type[ArgoexecError] = found if issubclass(found, ArgoexecError) else PreconditionError
    return kind(word["message"], hint=word["hint"])
