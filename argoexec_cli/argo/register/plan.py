"""What a registration would change: writes, each with its inverse, and what is left to a person.

Pure. Objects of others are merge-patched, at the version that was looked at; objects of ours are
applied whole.
"""

from __future__ import annotations

import copy
import difflib
from typing import Any, Final, NamedTuple

from argoexec_cli.errors import AlreadyExistsError
from argoexec_cli.kube.base import Object
from argoexec_cli.kube.resources import SECRETS, Resource

OURS: Final = {"app.kubernetes.io/managed-by": "argoexec"}
"""The label of every object that argoexec made, and may take away again."""

_SHOWN: Final = (
    "apiVersion",
    "kind",
    "metadata",
    "type",
    "data",
    "rules",
    "roleRef",
    "subjects",
    "spec",
)
_SERVERS: Final = (
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "managedFields",
    "selfLink",
)


class Write(NamedTuple):
    """One object to change. `before` is None for one to make; `after` is what it will be.

    For an object of somebody else `patch` is the merge patch that leads from one to the other.
    """

    resource: Resource
    namespace: str
    name: str
    before: Object | None
    after: Object
    patch: Object | None = None

    @property
    def label(self) -> str:
        """Render as kubectl does: configmap/argo/name."""
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.resource.kind.lower()}/{where}{self.name}"


class Plan(NamedTuple):
    """Everything that a registration wants changed. `advice` is what only a person can do."""

    writes: tuple[Write, ...] = ()
    advice: tuple[str, ...] = ()

    def with_more(self, other: Plan) -> Plan:
        """Return both plans as one."""
        return Plan(self.writes + other.writes, self.advice + other.advice)


def make(resource: Resource, manifest: Object, found: Object | None) -> tuple[Write, ...]:
    """Plan to have an object of ours; nothing when *found* says all of it already.

    `AlreadyExistsError` when the name is taken by an object of somebody else.
    """
    meta = manifest["metadata"]
    if found is not None and not ours(found):
        where = f" in namespace {meta['namespace']}" if "namespace" in meta else ""
        raise AlreadyExistsError(
            f"the {resource.kind} {meta['name']}{where} exists, and is not of argoexec's making",
            hint="label it app.kubernetes.io/managed-by=argoexec to give it away, or delete it",
        )
    meta["labels"] = {**(meta.get("labels") or {}), **OURS}
    whole = {"apiVersion": resource.api_version, "kind": resource.kind, **manifest}
    if found is not None and says(found, whole):
        return ()
    namespace = meta.get("namespace", "")
    return (Write(resource, namespace, meta["name"], found, whole),)


def change(resource: Resource, found: Object, patch: Object) -> tuple[Write, ...]:
    """Plan to merge *patch* into an object of somebody else; nothing when it says so already."""
    after = merge(found, patch)
    if after == found:
        return ()
    meta = found["metadata"]
    return (Write(resource, meta.get("namespace", ""), meta["name"], found, after, patch),)


def says(found: Any, wanted: Any) -> bool:
    """Tell whether *found* has everything that *wanted* has; servers add defaults of their own."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            key in found and says(found[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        same = isinstance(found, list) and len(found) == len(wanted)
        return same and all(says(*pair) for pair in zip(found, wanted, strict=True))
    return bool(found == wanted)


def merge(target: Any, patch: Any) -> Any:
    """Return *target* with *patch* merged in. Source: RFC 7386."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def inverse(patch: Any, before: Any) -> Any:
    """Return the merge patch that undoes *patch*, which was merged into *before*."""
    undo: dict[str, Any] = {}
    known = before if isinstance(before, dict) else {}
    for key, value in patch.items():
        old = known.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            undo[key] = inverse(value, old)
        else:
            undo[key] = copy.deepcopy(old)
    return undo


def ours(found: Object | None) -> bool:
    """Tell whether argoexec made the object."""
    labels = ((found or {}).get("metadata") or {}).get("labels") or {}
    return all(labels.get(key) == value for key, value in OURS.items())


def render_diff(plan: Plan) -> str:
    """Return all changes as one unified diff; values of Secrets do not appear in it."""
    return "".join(_diff(write) for write in plan.writes)


def _diff(write: Write) -> str:
    old = _yaml(write.resource, write.before) if write.before is not None else ""
    new = _yaml(write.resource, write.after)
    lines = difflib.unified_diff(
        old.splitlines(keepends=True),
        new.splitlines(keepends=True),
        write.label if write.before is not None else "/dev/null",
        write.label,
    )
    return "".join(lines)


def _yaml(resource: Resource, found: Object) -> str:
    import yaml

    shown = {key: found[key] for key in _SHOWN if key in found}
    meta = shown.get("metadata") or {}
    shown["metadata"] = {key: value for key, value in meta.items() if key not in _SERVERS}
    if resource == SECRETS:
        hidden = {key: "(secret)" for key in found.get("data") or {}}
        shown["data"] = hidden
    return yaml.dump(shown, Dumper=_dumper(), sort_keys=False, width=1_000_000)


def _dumper() -> Any:
    """Return a dumper that writes texts of several lines as blocks."""
    import yaml

    class BlockDumper(yaml.SafeDumper):
        """Writes texts of several lines as blocks, and what comes twice twice."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    BlockDumper.add_representer(str, text)
    return BlockDumper
