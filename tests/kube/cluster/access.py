"""Who may do what: RBAC, evaluated from the Roles and bindings that the cluster has.

Source: k8s.io/kubernetes pkg/registry/rbac; nonResourceURLs are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

from argoexec_cli.kube.resources import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    ROLE_BINDINGS,
    ROLES,
)
from tests.kube.cluster.store import Store

Rule = dict[str, Any]


class Attributes(NamedTuple):
    """What somebody wants to do."""

    verb: str
    group: str
    plural: str
    namespace: str
    name: str = ""


def allowed(store: Store, user: str, wanted: Attributes) -> bool:
    """Tell whether *user* may."""
    return any(_covers(rule, wanted) for rule in _rules(store, user, wanted.namespace))


def escalates(store: Store, user: str, written: dict[str, Any], namespace: str) -> str:
    """Return the first right that a Role or a binding would give and *user* does not have, "" for
    none: nobody hands on what he has not.
    """
    rules = written.get("rules") or []
    if ref := written.get("roleRef"):
        rules = _role(store, ref, namespace)
    for rule in rules:
        for verb, group, plural in product(rule["verbs"], rule["apiGroups"], rule["resources"]):
            if not allowed(store, user, Attributes(verb, group, plural, namespace)):
                return f"{verb} {plural}"
    return ""


def _rules(store: Store, user: str, namespace: str) -> Iterator[Rule]:
    for binding in store.all(CLUSTER_ROLE_BINDINGS):
        if _binds(binding, user):
            yield from _role(store, binding["roleRef"], "")
    if namespace:
        for binding in store.all(ROLE_BINDINGS, namespace):
            if _binds(binding, user):
                yield from _role(store, binding["roleRef"], namespace)


def _role(store: Store, ref: dict[str, str], namespace: str) -> list[Rule]:
    resource, where = (ROLES, namespace) if ref["kind"] == "Role" else (CLUSTER_ROLES, "")
    role = store.find(resource, where, ref["name"]) or {}
    return role.get("rules") or []


def _binds(binding: dict[str, Any], user: str) -> bool:
    for subject in binding.get("subjects") or []:
        name = subject["name"]
        if subject["kind"] == "ServiceAccount":
            where = subject.get("namespace") or binding["metadata"].get("namespace", "")
            name = f"system:serviceaccount:{where}:{name}"
        if name == user:
            return True
    return False


def _covers(rule: Rule, wanted: Attributes) -> bool:
    names = rule.get("resourceNames") or []
    return (
        _has(rule.get("verbs"), wanted.verb)
        and _has(rule.get("apiGroups"), wanted.group)
        and _has(rule.get("resources"), wanted.plural)
        and (not names or wanted.name in names)
    )


def _has(words: list[str] | None, wanted: str) -> bool:
    return "*" in (words or []) or wanted in (words or [])
