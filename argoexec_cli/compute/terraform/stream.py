"""Terraform's JSON lines: steps for the display, changes for the plan, diagnostics for the error.

The form is `https://developer.hashicorp.com/terraform/internals/machine-readable-ui`. Unknown kinds
of lines and unknown fields are passed over, as that page asks of readers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from argoexec_cli.compute.events import OnStep, State, Step
from argoexec_cli.compute.models import Change
from argoexec_cli.compute.refusals import Diagnostic

_HOST: Final = re.compile(r'\b(?:aws_instance|aws_spot_instance_request)\.host\["([^"]+)"\]$')
_VERBS: Final = {
    "create": "create",
    "read": "read",
    "update": "change",
    "replace": "replace",
    "delete": "remove",
}
_NUMBER: Final = re.compile(r"(\d+)")
_STATES: Final[dict[str, State]] = {
    "apply_start": "started",
    "apply_progress": "waiting",
    "apply_complete": "done",
    "apply_errored": "failed",
}


class Stream:
    """Takes the bytes of one run's stdout as they come, and keeps what is asked for afterwards."""

    def __init__(self, on_step: OnStep) -> None:
        """Tell *on_step* of every resource that begins, goes on or ends."""
        self.errors: list[Diagnostic] = []
        self._changes: list[Change] = []
        self._on_step = on_step
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take any number of bytes; a line that is cut off waits for its end."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)

    def close(self) -> None:
        """Take the last line, which a program that was killed may not have ended."""
        rest, self._rest = self._rest, b""
        self._line(rest)

    @property
    def changes(self) -> list[Change]:
        """What is planned, by address, host 2 before host 10: Terraform, which looks at several
        resources at once, tells of them in any order.
        """
        return sorted(self._changes, key=lambda change: _in_order(change.address))

    def _line(self, line: bytes) -> None:
        try:
            event = msgspec.json.decode(line)
        except msgspec.DecodeError:
            return
        if not isinstance(event, dict):
            return
        kind = str(event.get("type", ""))
        if kind in _STATES:
            self._on_step(_step(event.get("hook") or {}, _STATES[kind]))
        elif reader := self._readers().get(kind):
            reader(event)

    def _readers(self) -> dict[str, Callable[[dict[str, Any]], None]]:
        return {"planned_change": self._planned, "diagnostic": self._diagnosed}

    def _planned(self, event: dict[str, Any]) -> None:
        change = event.get("change") or {}
        action, resource = change.get("action"), change.get("resource") or {}
        if action in ("create", "update", "replace", "delete"):
            address = str(resource.get("addr", ""))
            self._changes.append(
                Change(
                    address=address,
                    kind=str(resource.get("resource_type", "")),
                    action=action,
                    host=host_of(address),
                )
            )

    def _diagnosed(self, event: dict[str, Any]) -> None:
        diagnostic = msgspec.convert(event.get("diagnostic") or {}, dict[str, Any])
        if diagnostic.get("severity") == "error":
            self.errors.append(
                Diagnostic(
                    "error",
                    str(diagnostic.get("summary", "")),
                    str(diagnostic.get("detail") or ""),
                    short(str(diagnostic.get("address") or "")),
                )
            )


def host_of(address: str) -> str:
    """Return the host whose instance is at *address* in Terraform, or nothing."""
    match = _HOST.search(address)
    return match[1] if match else ""


def short(address: str) -> str:
    """Return *address* without the module that everything is in."""
    return address.removeprefix("module.fleet.")


def _step(hook: dict[str, Any], state: State) -> Step:
    address = str((hook.get("resource") or {}).get("addr", ""))
    verb = _VERBS.get(str(hook.get("action", "")), str(hook.get("action", "")))
    elapsed = hook.get("elapsed_seconds")
    return Step(
        source="terraform",
        action=f"{verb} the instance" if host_of(address) else verb,
        state=state,
        subject=host_of(address) or short(address),
        detail=f"{elapsed} s so far" if state == "waiting" and elapsed is not None else "",
    )


def _in_order(address: str) -> list[int | str]:
    return [int(part) if part.isdecimal() else part for part in _NUMBER.split(address)]
