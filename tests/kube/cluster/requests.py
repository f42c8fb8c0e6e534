"""A request, taken apart as the API server does before it authorizes it."""

from __future__ import annotations

from typing import Any, NamedTuple

from argoexec_cli.kube.resources import ALL, Resource
from tests.kube.cluster.refusals import Refusal

Manifest = dict[str, Any]
_RESOURCES = {(one.group, one.version, one.plural): one for one in ALL}


class Asked(NamedTuple):
    """One request that the server got, in RBAC's words."""

    verb: str
    resource: Resource
    namespace: str
    name: str
    subresource: str
    query: dict[str, str]
    body: Any
    content_type: str = ""
    user: str = ""

    @property
    def applies(self) -> bool:
        """Whether it is a server-side apply, which also takes the right to create."""
        return self.content_type == "application/apply-patch+yaml"

    def matches(
        self, verb: str = "", plural: str = "", subresource: str | None = None, name: str = ""
    ) -> bool:
        """Tell whether it is such a request; empty words match all."""
        return (
            verb in ("", self.verb)
            and plural in ("", self.resource.plural)
            and subresource in (None, self.subresource)
            and name in ("", self.name)
        )


def address(path: str) -> tuple[Resource, str, str, str]:
    """Return resource, namespace, name and subresource of a URL's path. 404 for an unknown one."""
    parts = path.strip("/").split("/")
    group, version, rest = (
        ("", parts[1], parts[2:]) if parts[0] == "api" else (parts[1], parts[2], parts[3:])
    )
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    resource = _RESOURCES.get((group, version, rest[0]))
    if resource is None or len(rest) > 3:
        raise Refusal(404, "the server could not find the requested resource")
    name, sub = (*rest[1:], "", "")[:2]
    return resource, namespace, name, sub


def named_by(fields: str) -> str:
    """Return the one name that a field selector asks for: rules with resourceNames allow that."""
    path, _, name = fields.replace("==", "=").partition("=")
    return name if path == "metadata.name" and "," not in name else ""


def verb_of(method: str, query: dict[str, str], name: str) -> str:
    """Return RBAC's verb."""
    if method == "GET":
        if query.get("watch") == "true":
            return "watch"
        return "get" if name else "list"
    return {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}[method]
