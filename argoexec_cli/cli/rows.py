"""Items as rows of tables."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from argoexec_cli.cli.durations import render_age
from argoexec_cli.cli.items import Item
from argoexec_cli.cli.pulling import cut
from argoexec_cli.errors import ExitCode
from argoexec_cli.models.record import PodRecord

HEADER: Final = ("KIND", "NAME", "STATUS", "AGE", "DURATION", "MESSAGE")
WIDE: Final = ("KIND", "NAME", "STATUS", "AGE", "DURATION", "EXECUTOR", "IMAGE", "UID", "MESSAGE")
_LONGEST_MESSAGE: Final = 80
_STEPS: Final = {
    "StartError": "the command must exist in the image and be executable",
    "ErrImagePull": "check the image's name and that its registry answers",
    "ErrImageNeverPull": "load the image on the host, or let it be pulled",
    "InvalidImageName": "an image is written name:tag or name@sha256:digest",
    "OOMKilled": "raise the container's memory limit",
    "DeadlineExceeded": "raise activeDeadlineSeconds",
}
_CAUSES: Final = (
    (
        "ErrImagePull",
        r"unauthorized|no basic auth|authentication required",
        "give it a login, by a Secret that spec.imagePullSecrets names",
    ),
    (
        "CreateContainerConfigError",
        r"^(configmap|secret) .* not found",
        "send it with the pod, in the same file",
    ),
    ("NodePorts", r"already (allocated|in use)", "choose another hostPort"),
    ("", r"memory limit", "raise the container's memory limit"),
)
"""What a message tells more exactly than its reason: reason (or any), pattern, step."""
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
    """Return one plain line that tells of a change: `run/echo Succeeded (2s): message`.

    The message is whole: its end often names the cause, and nothing stands in line with it.
    """
    seconds = item.duration_s(now)
    took = f" ({render_age(seconds)})" if item.ended and seconds is not None else ""
    message = f": {' '.join(item.message.split())}" if item.message else ""
    return f"{_KINDS[item.kind]}/{item.name} {item.status}{took}{message}"


def next_step(item: Item) -> str:
    """Return the line that says what to do about *item*; empty unless it failed by itself."""
    if not item.ended or item.phase == "Succeeded" or item.exit_code is ExitCode.STOPPED:
        return ""
    where = "" if item.namespace == "default" else f" -n {item.namespace}"
    return f"hint: {_step(item.reason, item.message)}: argoexec get {item.label}{where}"


def _step(reason: str, message: str) -> str:
    for known, pattern, step in _CAUSES:
        if known in ("", reason) and re.search(pattern, message, re.IGNORECASE):
            return step
    return _STEPS.get(reason, "look closer")


def _age(seconds: float | None) -> str:
    return "-" if seconds is None else render_age(seconds)


def _cut(message: str) -> str:
    line = " ".join(message.split())
    return cut(line, _LONGEST_MESSAGE)


def _images(item: Item) -> str:
    source = item.source
    if not isinstance(source, PodRecord):
        return "-"
    return ",".join(container.image for container in source.pod.spec.containers)


def _uid(item: Item) -> str:
    source = item.source
    return source.pod.metadata.uid if isinstance(source, PodRecord) else source.metadata.uid
