"""Takes back what was registered in the registry's file.

Beside the file lies what it said before the first registration. What a person has written into it
since, stays.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from argoexec_cli.controller.registering import change, read_manifest, write_registry
from argoexec_cli.controller.registry import read_registry
from argoexec_cli.errors import DataLossError, PreconditionError


class Record(msgspec.Struct, frozen=True):
    """The file before the first registration, None for none, and after the last one."""

    before: str | None
    wrote: str


def record_of(path: Path) -> Path:
    """Return where the record of the registry's file *path* lies."""
    return Path(f"{os.path.realpath(path)}.undo")


def read_record(path: Path) -> Record | None:
    """Return what was registered in the file *path*; None for nothing. `DataLossError`."""
    place = record_of(path)
    text = read_manifest(place)
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=Record)
    except msgspec.DecodeError as exc:
        hint = f"edit {path} by hand, and: rm {place}"
        raise DataLossError(f"{place} is damaged", hint=hint) from exc


def register_text(path: Path, old: str | None, new: str) -> None:
    """Make the file *path*, which says *old*, say *new*, and keep the way back."""
    record = read_record(path)
    before = old
    if record is not None:
        try:
            before = plan_revert(old, record, str(path))
        except PreconditionError:
            # A person has changed what was registered: it is theirs, and the origin from now on.
            before = old
    kept = msgspec.json.encode(Record(before, new)).decode()
    write_registry(record_of(path), kept, new_mode=0o600)
    write_registry(path, new)


def plan_revert(text: str | None, record: Record, file: str) -> str | None:
    """Return what the file says without what was registered; None for no file.

    `PreconditionError` when somebody has changed an executor or the default that was registered.
    """
    if text is None or text == record.wrote:
        return record.before if text is not None else None
    old, wrote, now = (
        read_registry(each or "", file) for each in (record.before, record.wrote, text)
    )
    names = [
        name
        for name in old.executors | wrote.executors
        if old.executors.get(name) != wrote.executors.get(name)
    ]
    for name in names:
        _check(
            now.executors.get(name),
            wrote.executors.get(name),
            old.executors.get(name),
            f"{file}: {name}",
        )
    default = now.default
    if old.default != wrote.default:
        _check(now.default, wrote.default, old.default, f"{file}: the default")
        default = old.default
    return change(text, {name: old.executors.get(name) for name in names}, default, file)


def revert_text(path: Path, text: str | None) -> None:
    """Make the file *path* say *text*, or remove it, and forget the way back."""
    if text is None:
        Path(os.path.realpath(path)).unlink(missing_ok=True)
    else:
        write_registry(path, text)
    record_of(path).unlink(missing_ok=True)


def _check(now: object, wrote: object, old: object, what: str) -> None:
    if now not in (wrote, old):
        raise PreconditionError(
            f"{what} was changed by somebody else since; to restore it would undo that",
            hint="edit the file by hand",
        )
