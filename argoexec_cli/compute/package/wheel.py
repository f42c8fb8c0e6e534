"""A wheel of the argoexec that runs, a checkout or an installation; no build tools are needed.

Code and metadata are taken as they are. Left out is what only whoever makes hosts needs: playbooks,
Terraform's module, and the libraries that drive them. The same code gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final, NamedTuple

from argoexec_cli.errors import PreconditionError

_NAME: Final = "argoexec"
_PACKAGE: Final = Path(__file__).parents[2]
_LEFT_OUT: Final = ("_share", "__pycache__")
_MAKERS: Final = ("ansible-runner", "python-terraform")
_REQUIREMENT: Final = re.compile(r"^Requires-Dist: (?P<name>[A-Za-z0-9._-]+)(?P<rest>.*)$")
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_WHEEL: Final = (
    "Wheel-Version: 1.0\nGenerator: argoexec\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
)


class Wheel(NamedTuple):
    """A wheel's file name, its content, and what it needs, as pip's requirements."""

    file: str
    data: bytes
    requirements: tuple[str, ...]


def build_wheel() -> Wheel:
    """Build it. `PreconditionError` when the metadata of this installation is missing."""
    try:
        found = distribution(_NAME)
    except PackageNotFoundError as exc:
        text = "this argoexec was not installed, so its dependencies are not known"
        raise PreconditionError(text, hint="pip install -e .") from exc
    metadata, requirements = _metadata(found)
    info = f"{_NAME}-{found.version}.dist-info"
    files = {name: path.read_bytes() for name, path in _code()}
    files[f"{info}/METADATA"] = metadata.encode()
    files[f"{info}/WHEEL"] = _WHEEL.encode()
    files[f"{info}/entry_points.txt"] = (found.read_text("entry_points.txt") or "").encode()
    files[f"{info}/RECORD"] = _record(files, f"{info}/RECORD").encode()
    return Wheel(f"{_NAME}-{found.version}-py3-none-any.whl", _zip(files), requirements)


def _code() -> Iterator[tuple[str, Path]]:
    for path in sorted(_PACKAGE.rglob("*")):
        parts = path.relative_to(_PACKAGE).parts
        if path.is_file() and not any(part in _LEFT_OUT for part in parts):
            yield "/".join((_PACKAGE.name, *parts)), path


def _metadata(found: Distribution) -> tuple[str, tuple[str, ...]]:
    """Return the metadata for hosts, and its requirements."""
    text = found.read_text("METADATA") or found.read_text("PKG-INFO") or ""
    head, blank, body = text.partition("\n\n")
    kept, requirements = [], []
    for line in head.splitlines():
        match = _REQUIREMENT.match(line)
        if match and (match["name"].lower() in _MAKERS or "extra ==" in match["rest"]):
            continue
        if match:
            requirements.append(f"{match['name']}{match['rest']}")
        if not line.startswith("Provides-Extra:"):
            kept.append(line)
    return "\n".join(kept) + blank + body, tuple(requirements)


def _record(files: dict[str, bytes], own: str) -> str:
    lines = []
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}\n")
    return "".join(lines) + f"{own},,\n"


def _zip(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return stream.getvalue()
