"""How much fits into one patch, and into the one object that holds all results of a workflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from argoexec_cli.argo.translate.result import NodeResult

OBJECT_LIMIT: Final = 1 << 20
"""What a task set may grow to: etcd takes 1.5 MB, and the controller has to write it, too."""
PATCH_LIMIT: Final = 700 << 10
_KEY_BYTES: Final = 100
_SMALLEST: Final = 1024
_CUT: Final = "outputs were cut: the results of one workflow share 1 MiB until Argo takes them over"


def fitting(
    results: Mapping[str, NodeResult | None], room: int, *, hurry: bool
) -> dict[str, NodeResult | None]:
    """Return those of *results* that fit into *room* bytes, the first ones first.

    Logs are left out before a result has to wait. In a *hurry*, or when nothing else is in the way,
    one that never fits is cut until it does.
    """
    room = min(room, PATCH_LIMIT)
    taken: dict[str, NodeResult | None] = {}
    for node, result in results.items():
        if result is None:  # it makes room
            taken[node] = None
            continue
        for form in (result, without_logs(result)):
            size = size_of(form)
            if size <= room:
                taken[node] = form
                room -= size
                break
        else:
            if hurry and not taken:
                return {node: shrunk(result, max(room, _SMALLEST))}
    return taken


def size_of(result: NodeResult) -> int:
    """Return what a result takes in the object."""
    return _KEY_BYTES + len(msgspec.json.encode(result))


def without_logs(result: NodeResult) -> NodeResult:
    """Return *result* without the logs that people would have liked to see."""
    if "artifacts" not in result.get("outputs", {}):
        return result
    outputs = {key: one for key, one in result["outputs"].items() if key != "artifacts"}
    return result | {"outputs": outputs}


def shrunk(result: NodeResult, room: int) -> NodeResult:
    """Return *result* with the end of its `outputs.result` only, in *room* bytes; where that does
    not suffice, an Error that says so.
    """
    small = without_logs(result)
    outputs: dict[str, Any] = dict(small.get("outputs", {}))
    text = outputs.pop("result", "")
    rest = small | {"outputs": outputs, "message": _CUT}
    left = room - size_of(rest) - _KEY_BYTES
    if not text or left < 0:
        bare = {key: one for key, one in outputs.items() if key == "exitCode"}
        return {"phase": "Error", "message": _CUT, "outputs": bare}
    while len(msgspec.json.encode(text)) > left:
        text = text[max(1, len(text) // 8) :]
    return rest | {"outputs": outputs | {"result": text}}
