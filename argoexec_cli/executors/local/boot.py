"""Whether the host was restarted since an executor last used its directory.

What is in memory is gone then: containers, mounts, Secrets. What is on the disk is not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from argoexec_cli.errors import UnavailableError
from argoexec_cli.files import replace_file

_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def was_restarted(data_dir: Path) -> bool:
    """Compare with what `note_boot` wrote last; False when it never did."""
    before = _read(data_dir / "boot")
    return bool(before) and before != _read(_ID)


def note_boot(data_dir: Path) -> None:
    """Write down which boot of the host this is.

    `UnavailableError` where that is not possible: the next executor would undo what is mounted now.
    """
    path, current = data_dir / "boot", _read(_ID)
    if not current or current == _read(path):
        return
    try:
        replace_file(path, current.encode(), 0o600)
    except OSError as exc:
        raise UnavailableError(
            f"cannot write {path}: {exc.strerror}", hint=f"look at it: df -h {data_dir}"
        ) from exc


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
