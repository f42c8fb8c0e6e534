"""The objects, their versions, and the history that watches are served from."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from argoexec_cli.kube.resources import ALL, Resource
from argoexec_cli.models.selector import parse_selector
from tests.kube.cluster.patching import Owners, copied
from tests.kube.cluster.refusals import Refusal

Manifest = dict[str, Any]
Key = tuple[str, str, str]
"""Plural, namespace, name."""


class Written(NamedTuple):
    """One entry of the history: an object before and after a write (None: absent)."""

    version: int
    resource: Resource
    before: Manifest | None
    after: Manifest | None


class Store:
    """All objects. Every method may be called from any thread."""

    def __init__(self) -> None:
        """Start empty, at version 1."""
        self.lock = threading.RLock()
        self.version = 1
        self.oldest = 0
        self.owners: dict[Key, Owners] = {}
        self.listeners: set[Callable[[], None]] = set()
        self._objects: dict[Key, Manifest] = {}
        self._history: list[Written] = []

    def find(self, resource: Resource, namespace: str, name: str) -> Manifest | None:
        """Return a copy of an object, or None."""
        with self.lock:
            return copied(self._objects.get((resource.plural, namespace, name)))

    def get(self, resource: Resource, namespace: str, name: str) -> Manifest:
        """Return a copy of an object. 404."""
        found = self.find(resource, namespace, name)
        if found is None:
            full = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
            raise Refusal(404, f'{full} "{name}" not found')
        return found

    def all(self, resource: Resource, namespace: str = "") -> list[Manifest]:
        """Return copies of all objects of a kind, in the order of their names."""
        with self.lock:
            return [
                copied(found)
                for (plural, where, _), found in sorted(self._objects.items())
                if plural == resource.plural and namespace in ("", where)
            ]

    def put(self, resource: Resource, wanted: Manifest) -> Manifest:
        """Create or replace an object; the server's own fields of it are filled in."""
        with self.lock:
            stored = copied(wanted)
            meta = stored.setdefault("metadata", {})
            key = (resource.plural, meta.get("namespace", ""), meta["name"])
            before = self._objects.get(key)
            old = before["metadata"] if before else {}
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            stored = {"apiVersion": resource.api_version, "kind": resource.kind} | stored
            meta["uid"] = old.get("uid") or meta.get("uid") or str(uuid.uuid4())
            meta["creationTimestamp"] = old.get("creationTimestamp") or now
            meta["resourceVersion"] = old.get("resourceVersion", "0")
            if before is not None and before == stored:
                return copied(stored)
            self.version += 1
            meta["resourceVersion"] = str(self.version)
            self._objects[key] = stored
            self._wrote(Written(self.version, resource, before, stored))
            return copied(stored)

    def remove(self, resource: Resource, namespace: str, name: str) -> Manifest:
        """Delete an object for good, and what it owns. 404."""
        with self.lock:
            self.get(resource, namespace, name)
            before = self._objects.pop((resource.plural, namespace, name))
            self.owners.pop((resource.plural, namespace, name), None)
            self.version += 1
            self._wrote(Written(self.version, resource, before, None))
            self._collect(before["metadata"]["uid"])
            return copied(before)

    def forget_history(self) -> None:
        """Have every watch from before now answered with 410."""
        with self.lock:
            self._history.clear()
            self.oldest = self.version
            self._wake()

    def since(self, version: int) -> list[Written]:
        """Return what was written after *version*. 410 when that is no longer known."""
        with self.lock:
            if version < self.oldest:
                raise Refusal(410, f"too old resource version: {version} ({self.oldest})")
            return [each for each in self._history if each.version > version]

    def _collect(self, uid: str) -> None:
        owned = [
            (resource_key, found)
            for resource_key, found in list(self._objects.items())
            if any(ref.get("uid") == uid for ref in found["metadata"].get("ownerReferences", []))
        ]
        for (plural, namespace, name), _ in owned:
            resource = next(one for one in ALL if one.plural == plural)
            if self.find(resource, namespace, name) is not None:
                self.remove(resource, namespace, name)

    def _wrote(self, entry: Written) -> None:
        self._history.append(entry)
        self._wake()

    def _wake(self) -> None:
        for listener in tuple(self.listeners):
            listener()


def selects(found: Manifest, namespace: str, labels: str, fields: str) -> bool:
    """Tell whether an object matches a namespace and both selectors."""
    meta = found["metadata"]
    return (
        namespace in ("", meta.get("namespace", ""))
        and parse_selector(labels)(meta.get("labels") or {})
        and all(_field(found, term) for term in filter(None, fields.split(",")))
    )


def _field(found: Manifest, term: str) -> bool:
    path, _, wanted = term.replace("==", "=").partition("=")
    negated = path.endswith("!")
    value: Any = found
    for key in path.removesuffix("!").split("."):
        value = value.get(key, "") if isinstance(value, dict) else ""
    return (str(value) == wanted) is not negated
