"""What a registration did, kept in the cluster, so that any machine can take it back.

The record is written before the change that it describes. Values of Secrets are never in it.
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from argoexec_cli.argo.register.looking import find_object
from argoexec_cli.argo.register.plan import OURS, Write, inverse, merge
from argoexec_cli.errors import DataLossError, DeniedError
from argoexec_cli.kube.base import Kube, Object, Select
from argoexec_cli.kube.resources import ALL, CONFIG_MAPS, Resource

NAME: Final = "argoexec-registration"
_KEY: Final = "changes"


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One object that was changed. `undo` leads back from `wrote`; None for one that was made."""

    resource: str
    namespace: str
    name: str
    undo: dict[str, Any] | None = None
    wrote: dict[str, Any] | None = None

    @property
    def kind(self) -> Resource:
        """The resource; `DataLossError` for one that this version does not know."""
        for one in ALL:
            if one.plural == self.resource:
                return one
        raise DataLossError(f"the record names {self.resource}, which nothing here knows")

    @property
    def label(self) -> str:
        """Render as kubectl does."""
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind.kind.lower()}/{where}{self.name}"


def entry_of(write: Write) -> Entry:
    """Return what to remember of a write."""
    where = (write.resource.plural, write.namespace, write.name)
    if write.patch is None:
        return Entry(*where)
    return Entry(*where, undo=inverse(write.patch, write.before), wrote=write.patch)


def with_entry(entries: list[Entry], entry: Entry) -> list[Entry]:
    """Return the record with *entry*; what it says of the same object earlier stays the origin."""
    key = (entry.resource, entry.namespace, entry.name)
    merged, kept = entry, []
    for old in entries:
        if (old.resource, old.namespace, old.name) != key:
            kept.append(old)
        elif old.undo is not None and entry.undo is not None:
            merged = msgspec.structs.replace(
                entry, undo=overlay(entry.undo, old.undo), wrote=merge(old.wrote, entry.wrote)
            )
    return [*kept, merged]


def overlay(undo: Any, older: Any) -> Any:
    """Return *undo* with the values of *older*, nulls included, wherever both speak of a field."""
    if not (isinstance(undo, dict) and isinstance(older, dict)):
        return older
    both = {key: overlay(undo[key], older[key]) for key in undo.keys() & older.keys()}
    return undo | older | both


async def read_record(kube: Kube, namespace: str) -> list[Entry]:
    """Return what was done in *namespace* so far."""
    found = await find_object(kube, CONFIG_MAPS, NAME, namespace)
    if found is None:
        return []
    try:
        text = (found.get("data") or {})[_KEY]
        return msgspec.json.decode(text, type=list[Entry])
    except (KeyError, msgspec.DecodeError) as exc:
        problem = f"the ConfigMap {namespace}/{NAME} is damaged"
        raise DataLossError(problem, hint=f"kubectl get cm -n {namespace} {NAME} -o yaml") from exc


async def recorded_in(kube: Kube) -> list[str]:
    """Return the namespaces that have a record; none when we may not look into all."""
    try:
        found = await kube.list(CONFIG_MAPS, "", Select(fields=f"metadata.name={NAME}"))
    except DeniedError:
        return []
    return sorted(one["metadata"]["namespace"] for one in found.items)


async def write_record(kube: Kube, namespace: str, entries: list[Entry]) -> None:
    """Keep *entries*, or remove the record when there are none."""
    if not entries:
        if await find_object(kube, CONFIG_MAPS, NAME, namespace) is not None:
            await kube.delete(CONFIG_MAPS, NAME, namespace)
        return
    text = json.dumps(msgspec.to_builtins(entries), indent=1, ensure_ascii=False)
    manifest: Object = {
        "metadata": {"name": NAME, "namespace": namespace, "labels": dict(OURS)},
        "data": {_KEY: text},
    }
    await kube.apply(CONFIG_MAPS, manifest, namespace, force=True)
