"""Ansible's events as the steps that every display knows."""

from __future__ import annotations

from typing import Any, Final

from argoexec_cli.compute.ansible.run import Event, explain
from argoexec_cli.compute.events import State, Step

_LENGTH: Final = 300
_FRAMES: Final = ("meta", "set_fact", "validate_argument_spec")
_STATES: Final[dict[str, State]] = {
    "runner_on_start": "started",
    "runner_on_ok": "done",
    "runner_on_skipped": "skipped",
    "runner_on_failed": "failed",
    "runner_on_unreachable": "failed",
    "runner_retry": "waiting",
}


def step_of(event: Event) -> Step | None:
    """Return the step that *event* is; None for what is about no task of a host."""
    data: dict[str, Any] = event.get("event_data") or {}
    state = _STATES.get(str(event.get("event", "")))
    host, task = str(data.get("host", "")), str(data.get("task", ""))
    if state is None or not host or not task or _is_frame(data):
        return None
    result = data.get("res") or {}
    if state == "done" and result.get("changed"):
        state = "changed"
    if state == "failed" and data.get("ignore_errors"):
        state = "done"
    return Step(
        source="ansible",
        subject=host,
        action=task.rpartition(" : ")[2],
        state=state,
        detail=_detail(state, result),
    )


def _is_frame(data: dict[str, Any]) -> bool:
    """Tell whether a task only brings others in, or checks what it was told."""
    action = str(data.get("task_action", "")).rpartition(".")[2]
    return action.startswith(("include_", "import_")) or action in _FRAMES


def _detail(state: State, result: dict[str, Any]) -> str:
    if state == "failed":
        return explain(result)[:_LENGTH]
    if state == "waiting":
        return f"attempt {result.get('attempts', '?')} of {result.get('retries', '?')}"
    return ""
