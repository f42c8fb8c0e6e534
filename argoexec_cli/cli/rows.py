"""Items as rows of tables."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from argoexec_cli.cli.durations import render_age
from argoexec_cli.cli.items import Item
from argoexec_cli.models.record import PodRecord

HEADER: Final = ("KIND", "NAME", "STATUS", "AGE", "DURATION", "MESSAGE")
WIDE: Final = ("KIND", "NAME", "STATUS", "AGE", "DURATION", "EXECUTOR", "IMAGE", "UID", "MESSAGE")
_LONGEST_MESSAGE: Final = 80
_KINDS: Final = {"workflowrun": "run", "pod": "pod"}


def header(*, wide: bool, namespaces: bool) -> list[str]:
    """Return the headings of a list."""
    return ["NAMESPACE"] * namespaces + list(WIDE if wide else HEADER)


def row(item: Item, now: datetime, *, wide: bool, namespaces: bool) -> list[str]:
    """Return one line of a list."""
    cells = [item.namespace] if namespaces else []
    cells += [_KINDS[item.kind], item.name, item.status]
    cells += [_age(item.age_s(now)), _age(item.duration_s(now))]
    if wide:
        cells += [item.executor or "-", _images(item), _uid(item), item.message]
    else:
        cells.append(_cut(item.message))
    return cells


def change_line(item: Item, now: datetime) -> str:
    """Return one plain line that tells of a change: `run/echo Succeeded (2s): message`."""
    seconds = item.duration_s(now)
    took = f" ({render_age(seconds)})" if item.ended and seconds is not None else ""
    message = f": {_cut(item.message)}" if item.message else ""
    return f"{_KINDS[item.kind]}/{item.name} {item.status}{took}{message}"


def _age(seconds: float | None) -> str:
    return "-" if seconds is None else render_age(seconds)


def _cut(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 1] + "…"


def _images(item: Item) -> str:
    source = item.source
    if not isinstance(source, PodRecord):
        return "-"
    return ",".join(container.image for container in source.pod.spec.containers)


def _uid(item: Item) -> str:
    source = item.source
    return source.pod.metadata.uid if isinstance(source, PodRecord) else source.metadata.uid
