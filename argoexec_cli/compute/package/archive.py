"""One file with all that a host installs, which is copied, compared, and unpacks itself there."""

from __future__ import annotations

import asyncio
import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from argoexec_cli.compute.package.wheel import Wheel, build_wheel
from argoexec_cli.compute.package.wheelhouse import PythonTarget, have_wheelhouse
from argoexec_cli.files import replace_file

# A program, so that Ansible brings and runs it in one step; what follows it is a tar archive.
_UNPACK: Final = b"""\
#!/bin/sh
# Unpacks itself into the directory that it is told.
set -eu
mkdir -p "$1"
tail -n +7 "$0" | tar --extract --no-same-owner --directory "$1" --file -
exit
"""


class Package(NamedTuple):
    """The archive, a name for exactly its content, and whether it needs no package index."""

    archive: Path
    identity: str
    complete: bool


async def build_package(
    cache: Path, environment: Mapping[str, str], *, offline: PythonTarget | None = None
) -> Package:
    """Build what hosts install from the argoexec that runs; with *offline*, all that it needs, too.

    Repeatable: the same code gives the same archive. Files go to *cache*; older archives there are
    removed. Raises what `build_wheel` and `have_wheelhouse` do.
    """
    wheel = await asyncio.to_thread(build_wheel)
    more: list[Path] = []
    if offline is not None:
        directory = await have_wheelhouse(cache, wheel.requirements, offline, environment)
        more = sorted(directory.glob("*.whl"))
    return await asyncio.to_thread(_pack, cache, wheel, more)


def _pack(cache: Path, wheel: Wheel, more: list[Path]) -> Package:
    stream = io.BytesIO()
    stream.write(_UNPACK)
    with tarfile.open(fileobj=stream, mode="w") as archive:
        _add(archive, wheel.file, wheel.data)
        for path in more:
            _add(archive, path.name, path.read_bytes())
    data = stream.getvalue()
    identity = hashlib.sha256(data).hexdigest()[:20]
    directory = cache / "package"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    kind = "full" if more else "slim"
    target = directory / f"argoexec-{kind}-{identity}.run"
    if not target.exists():
        replace_file(target, data, 0o600)
    for old in directory.glob(f"argoexec-{kind}-*"):
        if old != target:
            old.unlink(missing_ok=True)
    return Package(target, identity, bool(more))


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), 0o644
    archive.addfile(entry, io.BytesIO(data))
