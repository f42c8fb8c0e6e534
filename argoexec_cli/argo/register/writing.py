"""Does what a plan says, keeps what was there, and takes all of it back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from argoexec_cli.argo.register.looking import find_object
from argoexec_cli.argo.register.plan import Plan, Write, merge, ours
from argoexec_cli.argo.register.record import (
    Entry,
    entry_of,
    read_record,
    with_entry,
    write_record,
)
from argoexec_cli.errors import ArgoexecError, InternalError, PreconditionError
from argoexec_cli.kube.base import Kube, Object
from argoexec_cli.kube.errors import ConflictError


async def write_plan(kube: Kube, plan: Plan, namespace: str) -> list[Entry]:
    """Do all of the plan, or nothing of it: what was done is taken back when something fails.

    The record in *namespace* is written first; what it was before is returned. `ConflictError`
    when an object has changed since it was looked at.
    """
    before = await read_record(kube, namespace)
    entries = before
    for write in plan.writes:
        entries = with_entry(entries, entry_of(write))
    await write_record(kube, namespace, entries)
    done: list[Write] = []
    try:
        for write in plan.writes:
            await _write(kube, write)
            done.append(write)
        await _read_back(kube, plan)
    except (ArgoexecError, asyncio.CancelledError) as exc:
        # A write that was cancelled may have been done all the same.
        begun = len(done) + isinstance(exc, asyncio.CancelledError)
        await take_back(kube, plan.writes[:begun])
        await write_record(kube, namespace, before)
        raise
    return before


async def take_back(kube: Kube, done: Sequence[Write]) -> None:
    """Undo writes of this very plan, the last one first."""
    for write in reversed(done):
        if write.patch is None and write.before is not None:
            await kube.apply(write.resource, _plain(write.before), write.namespace, force=True)
        else:
            await _undo(kube, entry_of(write))


async def revert(kube: Kube, namespace: str) -> list[str]:
    """Take back everything that the record of *namespace* has; return what, in words.

    `PreconditionError` when somebody has changed a field since: nothing is undone then.
    """
    entries = await read_record(kube, namespace)
    for entry in entries:
        await _check_untouched(kube, entry)
    told = []
    left = list(entries)
    for entry in reversed(entries):
        if await _undo(kube, entry):
            told.append(f"{entry.label} {'restored' if entry.undo is not None else 'deleted'}")
        left.remove(entry)
        await write_record(kube, namespace, left)
    return told


async def _write(kube: Kube, write: Write) -> None:
    if write.patch is None:
        await kube.apply(write.resource, write.after, write.namespace, force=True)
        return
    version = (write.before or {})["metadata"]["resourceVersion"]
    guard = {"metadata": {"resourceVersion": version}}
    try:
        await kube.patch(write.resource, write.name, write.namespace, merge(write.patch, guard))
    except ConflictError as exc:
        message = f"{write.label} was changed by somebody else just now; nothing was written"
        raise ConflictError(message, hint="look again: argoexec register --dry-run") from exc


async def _read_back(kube: Kube, plan: Plan) -> None:
    for write in plan.writes:
        found = await kube.get(write.resource, write.name, write.namespace)
        if write.patch is not None and merge(found, write.patch) != found:
            raise InternalError(f"{write.label} does not say what was written into it")


async def _check_untouched(kube: Kube, entry: Entry) -> None:
    if entry.undo is None:
        return
    found = await find_object(kube, entry.kind, entry.name, entry.namespace)
    if found is not None and merge(found, entry.wrote) != found:
        raise PreconditionError(
            f"{entry.label} was changed by somebody else since; to restore it would undo that",
            hint=f"kubectl get cm -n {entry.namespace} argoexec-registration -o yaml",
        )


async def _undo(kube: Kube, entry: Entry) -> bool:
    """Undo one change; tell whether there was still something to undo."""
    found = await find_object(kube, entry.kind, entry.name, entry.namespace)
    if found is None:
        return False
    if entry.undo is None:
        if not ours(found):
            return False
        uid = found["metadata"]["uid"]
        await kube.delete(entry.kind, entry.name, entry.namespace, uid=uid)
        return True
    guard = {"metadata": {"resourceVersion": found["metadata"]["resourceVersion"]}}
    await kube.patch(entry.kind, entry.name, entry.namespace, _with_guard(entry.undo, guard))
    return True


def _with_guard(undo: Object, guard: Object) -> Object:
    """Return both patches as one; nulls in *undo* stay, for they remove."""
    return undo | {"metadata": (undo.get("metadata") or {}) | guard["metadata"]}


def _plain(found: Object) -> Object:
    """Return an object without what the server keeps to itself."""
    meta = found["metadata"]
    hidden = ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation")
    kept = {key: value for key, value in meta.items() if key not in hidden}
    return {**{k: v for k, v in found.items() if k != "status"}, "metadata": kept}
