"""What the server does with requests that change something."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from argoexec_cli.kube.resources import (
    ACCESS_REVIEWS,
    DEPLOYMENTS,
    LOCAL_ACCESS_REVIEWS,
    PODS,
    SELF_ACCESS_REVIEWS,
    TASK_SETS,
    Resource,
)
from tests.kube.cluster.access import Attributes, allowed
from tests.kube.cluster.patching import apply, copied, merge
from tests.kube.cluster.refusals import Refusal
from tests.kube.cluster.requests import Asked
from tests.kube.cluster.schema import check_task_set
from tests.kube.cluster.store import Store

Manifest = dict[str, Any]
WITH_STATUS: Final = {PODS.plural, DEPLOYMENTS.plural, TASK_SETS.plural}
_APPLY: Final = "application/apply-patch+yaml"
_MERGE: Final = "application/merge-patch+json"


def create(store: Store, asked: Asked, *, open_to_all: bool) -> Manifest:
    """Create an object, or answer a review."""
    if asked.resource in (ACCESS_REVIEWS, LOCAL_ACCESS_REVIEWS, SELF_ACCESS_REVIEWS):
        return _review(store, asked, open_to_all)
    manifest = copied(asked.body)
    meta = manifest.setdefault("metadata", {})
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = f"{meta['generateName']}{store.version:05d}"
    _check_namespace(asked, meta)
    if "resourceVersion" in meta:
        raise Refusal(400, "resourceVersion should not be set on objects to be created")
    if asked.resource.plural in WITH_STATUS:
        manifest.pop("status", None)
    if asked.resource == PODS:
        manifest["status"] = {"phase": "Pending"}
    with store.lock:
        if store.find(asked.resource, asked.namespace, meta["name"]) is not None:
            text = f'{asked.resource.plural} "{meta["name"]}" already exists'
            raise Refusal(409, text, reason="AlreadyExists")
        return store.put(asked.resource, manifest)


def patch(store: Store, asked: Asked) -> Manifest:
    """Merge or apply a patch."""
    if asked.content_type not in (_APPLY, _MERGE):
        raise Refusal(415, f"the body of the request was in an unknown format: {asked}")
    with store.lock:
        before = store.find(asked.resource, asked.namespace, asked.name)
        if asked.content_type == _APPLY:
            after = _apply(store, asked, before)
        else:
            after = _merge(store, asked)
        return _put(store, asked, before, after)


def replace(store: Store, asked: Asked) -> Manifest:
    """Replace an object."""
    with store.lock:
        before = store.get(asked.resource, asked.namespace, asked.name)
        _check_version(before, asked.body)
        return _put(store, asked, before, copied(asked.body))


def delete(store: Store, asked: Asked, *, kubelet: bool) -> Manifest:
    """Delete an object; a pod only gets its deletionTimestamp where a kubelet will end it."""
    options = asked.body or {}
    with store.lock:
        found = store.get(asked.resource, asked.namespace, asked.name)
        wanted = (options.get("preconditions") or {}).get("uid")
        if wanted and wanted != found["metadata"]["uid"]:
            raise Refusal(409, f"Precondition failed: UID in precondition: {wanted}")
        meta = found["metadata"]
        grace = _grace(asked.resource, found, options, kubelet)
        meta["deletionGracePeriodSeconds"] = min(
            grace, meta.get("deletionGracePeriodSeconds", grace)
        )
        meta["deletionTimestamp"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return _put_or_remove(store, asked.resource, found)


def _grace(resource: Resource, found: Manifest, options: Manifest, kubelet: bool) -> int:
    """Return how long the object stays: a pod that a kubelet runs, until that has ended it."""
    if resource != PODS or not kubelet:
        return 0
    default: int = found["spec"].get("terminationGracePeriodSeconds", 30)
    wanted = options.get("gracePeriodSeconds")
    return default if wanted is None else int(wanted)


def _put_or_remove(store: Store, resource: Resource, found: Manifest) -> Manifest:
    """Store an object, unless it was deleted and nothing holds it back any more."""
    meta = found["metadata"]
    gone = meta.get("deletionTimestamp") and not meta.get("deletionGracePeriodSeconds")
    if not gone or meta.get("finalizers"):
        return store.put(resource, found)
    return store.remove(resource, meta.get("namespace", ""), meta["name"])


def _merge(store: Store, asked: Asked) -> Manifest:
    before = store.get(asked.resource, asked.namespace, asked.name)
    _check_version(before, asked.body)
    patched: Manifest = merge(before, asked.body)
    return patched


def _apply(store: Store, asked: Asked, before: Manifest | None) -> Manifest:
    _check_namespace(asked, asked.body.setdefault("metadata", {}))
    manager = asked.query["fieldManager"]
    key = (asked.resource.plural, asked.namespace, asked.name)
    owners = store.owners.setdefault(key, {})
    force = asked.query.get("force") == "true"
    return apply(before, asked.body, owners, manager, force=force)


def _put(store: Store, asked: Asked, before: Manifest | None, after: Manifest) -> Manifest:
    """Store what the patch may change: the status, or all but it."""
    if asked.resource.plural in WITH_STATUS and before is not None:
        source, target = (after, before) if asked.subresource == "status" else (before, after)
        after = {key: value for key, value in target.items() if key != "status"}
        if "status" in source:
            after["status"] = source["status"]
    if asked.resource == TASK_SETS:
        check_task_set(after)
    return _put_or_remove(store, asked.resource, after)


def _check_version(before: Manifest, wanted: Manifest) -> None:
    version = (wanted.get("metadata") or {}).get("resourceVersion")
    if version and version != before["metadata"]["resourceVersion"]:
        name = before["metadata"]["name"]
        text = f'Operation cannot be fulfilled on "{name}": the object has been modified'
        raise Refusal(409, text)


def _check_namespace(asked: Asked, meta: Manifest) -> None:
    if not asked.resource.namespaced:
        return
    if meta.setdefault("namespace", asked.namespace) != asked.namespace:
        raise Refusal(
            400, "the namespace of the object does not match the namespace on the request"
        )


def _review(store: Store, asked: Asked, open_to_all: bool) -> Manifest:
    spec = asked.body["spec"]
    what = spec["resourceAttributes"]
    own = asked.resource == SELF_ACCESS_REVIEWS
    if asked.resource == LOCAL_ACCESS_REVIEWS and what.get("namespace") != asked.namespace:
        raise Refusal(422, "spec.resourceAttributes.namespace: must match metadata.namespace")
    sub = f"/{what['subresource']}" if what.get("subresource") else ""
    wanted = Attributes(
        what["verb"],
        what.get("group", ""),
        f"{what['resource']}{sub}",
        what.get("namespace", ""),
        what.get("name", ""),
    )
    user = asked.user if own else spec["user"]
    verdict = (own and open_to_all) or allowed(store, user, wanted)
    answer: Manifest = asked.body | {"metadata": {}, "status": {"allowed": verdict}}
    return answer
