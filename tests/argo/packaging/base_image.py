"""A stand-in for the image that the Containerfile starts from: this interpreter, and wheels."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.lab.cache import cached

ROOT: Final = Path(__file__).parents[3]
LIBRARY: Final = Path(sys.base_prefix, "lib", f"python{sys.version_info[0]}.{sys.version_info[1]}")
ENV: Final = ("PIP_NO_INDEX=1", "PIP_FIND_LINKS=/wheels", "PIP_NO_COMPILE=1")
"""Without the network, and without what takes long and changes nothing."""

_LEFT_OUT: Final = {"site-packages", "__pycache__", "test", "idlelib", "tkinter", "lib2to3"}
_PROGRAMS: Final = ("/bin/sh",)
_PROMISED: Final = ("dl.so.2", "gcc_s.so.1", "pthread.so.0", "rt.so.1", "stdc++.so.6", "util.so.1")
"""What wheels may rely on beside what Python itself needs. Source: PEP 600."""

_LIBRARY_LINE: Final = re.compile(r"(?:=> )?(/\S+) \(0x")


def base_archive() -> bytes:
    """Return a root file system with `python`, `sh`, and all that `pip install` may want."""
    python = Path(sys.executable).resolve()
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", dereference=True) as archive:
        for path in (str(LIBRARY), *_needed(python)):
            archive.add(path, filter=_wanted)
        archive.add(_wheels(), "wheels")
        _link(archive, "usr/local/bin/python", str(python))
        _directory(archive, "tmp", 0o1777)
    return stream.getvalue()


def _needed(python: Path) -> Iterator[str]:
    """Yield the programs, and the shared libraries that they and the modules load."""
    modules = LIBRARY.glob("lib-dynload/*.so")
    files = [str(python), *_PROGRAMS, *map(str, modules)]
    shown = subprocess.run(["ldd", *files], capture_output=True, text=True, check=True).stdout
    found: list[str] = _LIBRARY_LINE.findall(shown)
    beside = Path(next(one for one in found if one.endswith("/libc.so.6"))).parent
    promised = [
        str(beside / f"lib{name}") for name in _PROMISED if (beside / f"lib{name}").exists()
    ]
    yield from dict.fromkeys([str(python), *_PROGRAMS, *found, *promised])


def _wanted(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    name = os.path.basename(member.name)
    return None if name in _LEFT_OUT or name.startswith("config-") else member


def _wheels() -> Path:
    """Return a directory with what the program depends on, and what builds it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["build-system"]["requires"]

    def make(directory: Path) -> None:
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--wheel-dir", str(directory)]
        subprocess.run([*command, *wanted], check=True)

    return cached("image-wheels", ("wheel", wanted, sys.version_info[:2]), make)


def _link(archive: tarfile.TarFile, name: str, target: str) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    archive.addfile(member)


def _directory(archive: tarfile.TarFile, name: str, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.mode = tarfile.DIRTYPE, mode
    archive.addfile(member)
