"""The schema of WorkflowTaskSet's status: what Argo's CRDs check since 4.0."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.kube.cluster.refusals import Refusal

_NAME = re.compile(r"^[-a-zA-Z0-9_]+$")


def check_task_set(found: dict[str, Any]) -> None:
    """Raise 422 for what is no string where one must be, or no name."""
    nodes = (found.get("status") or {}).get("nodes") or {}
    problems = [problem for node, result in nodes.items() for problem in _problems(node, result)]
    if problems:
        name = found["metadata"]["name"]
        text = f'WorkflowTaskSet.argoproj.io "{name}" is invalid: {"; ".join(problems)}'
        raise Refusal(422, text)


def _problems(node: str, result: dict[str, Any]) -> Iterator[str]:
    at = f"status.nodes.{node}"
    for key in ("phase", "message", "progress"):
        yield from _string(f"{at}.{key}", result.get(key, ""))
    outputs = result.get("outputs") or {}
    for key in ("result", "exitCode"):
        yield from _string(f"{at}.outputs.{key}", outputs.get(key, ""))
    for each in outputs.get("parameters") or []:
        yield from _string(f"{at}.outputs.parameters.value", each.get("value", ""))
        if not _NAME.match(str(each.get("name", ""))):
            yield f"{at}.outputs.parameters.name: Invalid value"
    for each in outputs.get("artifacts") or []:
        if not each.get("name"):
            yield f"{at}.outputs.artifacts.name: Required value"


def _string(path: str, value: Any) -> Iterator[str]:
    if not isinstance(value, str):
        kind = "integer" if isinstance(value, int) else type(value).__name__
        yield f'{path}: Invalid value: "{kind}": must be of type string: "{kind}"'
