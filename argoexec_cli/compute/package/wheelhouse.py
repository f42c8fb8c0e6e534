"""Everything that a wheel needs, as wheels for another machine's Python, kept for the next time."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from argoexec_cli.errors import PreconditionError, UnavailableError
from argoexec_cli.proc import Child, Finished, run

_LIMIT_S: Final = 900.0
_GLIBC: Final = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
"""What Debian 12, Ubuntu 24.04 and Amazon Linux 2023 all have."""


class PythonTarget(NamedTuple):
    """The Python and the processor of the hosts: `3.11` and `x86_64`, say."""

    version: str = "3.11"
    machine: str = "x86_64"


async def have_wheelhouse(
    cache: Path, requirements: tuple[str, ...], target: PythonTarget, environment: Mapping[str, str]
) -> Path:
    """Return a directory with all wheels for *requirements* and what they need in turn.

    Fetched by pip, with the index that it is configured to use, only when *cache* lacks it.
    `UnavailableError` when the index does not deliver; nothing half-fetched stays.
    """
    key = hashlib.sha256(json.dumps([requirements, target]).encode()).hexdigest()[:16]
    directory = cache / "wheelhouse" / f"cp{target.version}-{target.machine}-{key}"
    if directory.is_dir():
        return directory
    if importlib.util.find_spec("pip") is None:
        text = f"{sys.executable} has no pip, which fetches what hosts install"
        raise PreconditionError(text, hint=f"{sys.executable} -m ensurepip")
    directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=directory.parent) as fresh:
        done = await run(Child(_argv(fresh, requirements, target), _LIMIT_S, env=environment))
        if done.exit_code:
            raise UnavailableError(
                f"the packages for Python {target.version} on {target.machine} cannot be fetched: "
                f"{_cause(done)}",
                hint="pip config list; pip download grpcio",
            )
        with contextlib.suppress(FileExistsError):  # somebody else was faster, with the same
            shutil.copytree(fresh, f"{directory}.new")
            os.rename(f"{directory}.new", directory)
    return directory


def _argv(directory: str, requirements: tuple[str, ...], target: PythonTarget) -> list[str]:
    platforms = [word for each in _GLIBC for word in ("--platform", f"{each}_{target.machine}")]
    return [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--no-input", "--only-binary", ":all:", "--dest", directory),
        *("--implementation", "cp", "--python-version", target.version, *platforms),
        *requirements,
    ]


def _cause(done: Finished) -> str:
    lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")] or lines
    return (errors[0] if errors else f"pip ended with {done.exit_code}").removeprefix("ERROR: ")
