"""Where the `argoexec` command starts."""

from __future__ import annotations

import gc
import os
import sys
import typing
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from io import TextIOWrapper
from typing import Final

from argoexec_cli.cli.boundary import guarded
from argoexec_cli.cli.catalog import names
from argoexec_cli.postponed import patterns_postponed, postpone_modules

_ALLOCATIONS_PER_COLLECTION: Final = 50_000

_SHORT: Final = ("submit", "logs", "list", "get", "watch", "wait", "stop", "delete", "events")
_UNUSED: Final = (
    "asyncio.sslproto",  # gRPC brings TLS of its own
    "ssl",
    "google.protobuf.internal.python_message",  # imported also where the one in C is in use
    "base64",
    "calendar",
    "inspect",
    "ipaddress",  # of use to `urllib.parse` alone, and that to `pathlib`'s as_uri
    "linecache",
    "locale",
    "msgspec.inspect",
    "pkgutil",
    "textwrap",
)
"""What libraries import and the short commands never use. Should one do, it is loaded then."""

_UNUSED_BY_DAEMON: Final = (
    *_UNUSED,
    "attr.converters",
    "attr.filters",
    "attr.validators",
    "attrs.converters",
    "attrs.exceptions",
    "attrs.filters",
    "attrs.setters",
    "attrs.validators",
    "copy",
    "csv",
    "dis",
    "email.base64mime",
    "email.header",
    "email.quoprimime",
    "idna",
    "importlib.resources",
    "mimetypes",
    "ntpath",
    "pickle",
    "shlex",
    "tarfile",
    "tokenize",
)
"""What `serve` does not use to start. Some of it is loaded later, when a pod needs it."""


def main() -> None:
    """Run the command line of this process and exit with its code.

    Three things make short commands shorter. What they never use is not loaded, and no pattern
    compiled before it is used. The collector looks less often than by default: loading modules
    makes many objects and no garbage, and every look would visit all of them again. And the process
    ends where the command does: taking the interpreter and gRPC's threads apart in good order takes
    as long as a whole call, for nothing, as everything is closed and flushed by then.
    """
    _open_streams()
    gc.set_threshold(_ALLOCATIONS_PER_COLLECTION, 20, 20)
    if sys.argv[1:] and sys.argv[1] in _SHORT:
        postpone_modules(*_UNUSED, backports={"typing_extensions": typing})
    elif sys.argv[1:2] == ["serve"]:
        postpone_modules(*_UNUSED_BY_DAEMON)
    code = run(sys.argv[1:])
    with suppress(OSError):
        sys.stderr.flush()
    os._exit(code)


def _open_streams() -> None:
    """Have the three standard streams lead nowhere where the caller has closed them.

    Otherwise the next file or connection gets the number, and what is meant for people goes there.
    What the encoding of stdout has not is written as stderr does it, and ends no command.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 - for good
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def run(words: Sequence[str]) -> int:
    """Run the command line *words*; return the exit code, having said all that is to be said."""
    return guarded(lambda: _dispatch(words), words)


def _dispatch(words: Sequence[str]) -> int:
    if words and words[0] in names():
        from argoexec_cli.cli.dashes import refuse_undashed
        from argoexec_cli.cli.fast import NotUnderstoodError, parse
        from argoexec_cli.cli.run import load_command, run_command

        with patterns_postponed() if words[0] in (*_SHORT, "serve") else nullcontext():
            command = load_command(words[0])
        refuse_undashed(words[0], command.signature.params, words[1:])
        try:
            given = parse(command.signature.params, words[1:])
        except NotUnderstoodError:
            pass
        else:
            return run_command(command, given)
    from argoexec_cli.cli.app import run_app

    return run_app(words)
