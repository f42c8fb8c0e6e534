"""What to do with a task of a task set. Pure: from what Argo shows and what the ledger says.

The rules follow from what Argo's controller does (it removes an entry when it has taken the result
over, and labels the task set when the workflow has ended) and from what it may fail to do.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

import msgspec

from argoexec_cli.argo.agent.ledger import Entry
from argoexec_cli.argo.agent.objects import TaskSet
from argoexec_cli.argo.translate.template import is_ours

_ENDED: Final = frozenset({"Succeeded", "Failed", "Error"})


class Do(Enum):
    """One thing to do for a task."""

    NOTHING = "nothing"
    START = "start"
    """It is new, or new again: run it."""
    GO_ON = "go on"
    """It runs already, or an earlier process of ours began it: follow it."""
    POST = "post"
    """It has ended, and Argo does not know."""
    WITHDRAW = "withdraw"
    """Argo does not want it any more: end it, and say nothing."""


def is_served(template: dict[str, Any]) -> bool:
    """Whether the agent runs such a template; any other is left alone."""
    return is_ours(template) or isinstance(template.get("http"), dict)


def decide(entry: Entry | None, task_set: TaskSet, node: str) -> Do:
    """Decide about a node that is in `spec.tasks`."""
    if entry is None:
        return Do.START
    if entry.completed and (entry.removed or not entry.succeeded):
        return Do.START  # `argo retry`: the workflow had ended, and the task is back
    if entry.completed:
        return Do.NOTHING
    if entry.result is None:
        return Do.GO_ON
    if entry.removed or not (entry.posted or entry.silent):
        # The controller removed it and then failed to write the workflow: tell it once more.
        return Do.POST
    return Do.NOTHING


def adopted(entry: Entry, task_set: TaskSet) -> Entry:
    """Return a new entry as ended if the task set has its result: another agent has posted it."""
    found = task_set.nodes.get(entry.node) or {}
    if found.get("phase") not in _ENDED:
        return entry
    return msgspec.structs.replace(entry, result=found, posted=True)


def absent(entry: Entry, *, completed: bool) -> tuple[Do, Entry]:
    """Decide about a task that is not (any more) in `spec.tasks`. *completed*: the set says so."""
    seen = msgspec.structs.replace(entry, removed=True, completed=entry.completed or completed)
    return (Do.WITHDRAW if entry.result is None else Do.NOTHING), seen


def renewed(entry: Entry, template: dict[str, Any], started: float, version: int) -> Entry:
    """Return the entry for the next run of a task that was run before."""
    return Entry(
        uid=entry.uid,
        node=entry.node,
        namespace=entry.namespace,
        workflow=entry.workflow,
        template=template,
        started=started,
        version=version,
        generation=entry.generation + 1,
    )
