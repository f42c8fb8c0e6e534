"""What a person may do in the cluster, asked before anything is begun."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from argoexec_cli.argo.register.looking import find_object
from argoexec_cli.argo.register.plan import Plan
from argoexec_cli.argo.register.plugin_route import Found
from argoexec_cli.argo.register.record import NAME
from argoexec_cli.errors import DeniedError
from argoexec_cli.kube.access import may
from argoexec_cli.kube.base import Kube, Object
from argoexec_cli.kube.errors import Request, where_to_add
from argoexec_cli.kube.resources import ALL, CONFIG_MAPS, Resource


async def check_rights(kube: Kube, plan: Plan, namespace: str) -> None:
    """Raise `DeniedError` unless we may do all of the plan, and take it back; nothing is begun
    half-way then.
    """
    wanted = _made(CONFIG_MAPS, namespace, NAME)
    for write in plan.writes:
        place = (write.resource, write.namespace, write.name)
        if write.before is None:
            wanted += await _to_make(kube, *place, write.after)
        else:
            wanted += [Request("patch", *place), *await _to_give(kube, *place, write.after)]
    await _demand(kube, wanted)


async def find_all(kube: Kube, manifests: Sequence[tuple[Resource, Object]]) -> Found:
    """Return what finds, of the objects that *manifests* name, the one that is there now.

    `DeniedError` names all that it takes to make them, not just the first look that was refused.
    """
    known: dict[tuple[str, str, str], Object | None] = {}
    for resource, manifest in manifests:
        meta = manifest["metadata"]
        namespace, name = meta.get("namespace", ""), meta["name"]
        try:
            there = await find_object(kube, resource, name, namespace)
        except DeniedError:
            await _check_making(kube, manifests)
            raise
        known[resource.plural, namespace, name] = there
    return lambda resource, namespace, name: known[resource.plural, namespace, name]


async def _check_making(kube: Kube, manifests: Sequence[tuple[Resource, Object]]) -> None:
    wanted: list[Request] = []
    for resource, manifest in manifests:
        place = (resource, manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"])
        wanted += [Request("get", *place), *await _to_make(kube, *place, manifest)]
    await _demand(kube, wanted)


async def _demand(kube: Kube, wanted: Sequence[Request]) -> None:
    missing = [each for each in dict.fromkeys(wanted) if not await may(kube, each)]
    if missing:
        raise DeniedError(f"may not {missing[0]}", hint=where_to_add(missing))


async def _to_make(
    kube: Kube, resource: Resource, namespace: str, name: str, manifest: Object
) -> list[Request]:
    place = (resource, namespace, name)
    return [*_made(*place), *await _to_give(kube, *place, manifest)]


def _made(resource: Resource, namespace: str, name: str) -> list[Request]:
    """Return what it takes to make an object, and to delete it again. RBAC knows no name of what
    does not exist yet.
    """
    named = [Request(verb, resource, namespace, name) for verb in ("patch", "delete")]
    return [Request("create", resource, namespace), *named]


async def _to_give(
    kube: Kube, resource: Resource, namespace: str, name: str, manifest: Object
) -> list[Request]:
    """Return the rights that a role gives: who gives them has to have them, or the server refuses,
    unless he may escalate.
    """
    given = list(_given(manifest, namespace))
    if given and await may(kube, Request("escalate", resource, namespace, name)):
        return []
    return given


def _given(role: Object, namespace: str) -> Iterator[Request]:
    """Yield the rights that a role of ours gives, as requests for them."""
    known = {(one.group, one.plural): one for one in ALL}
    for rule in role.get("rules") or []:
        for group, plural, verb in product(rule["apiGroups"], rule["resources"], rule["verbs"]):
            name, _, sub = plural.partition("/")
            yield Request(verb, known[group, name], namespace, "", sub)
