"""The seam: what argoexec asks of a Kubernetes API server."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Final, Literal, NamedTuple, Protocol

from argoexec_cli.kube.resources import Resource

Object = dict[str, Any]
"""An object as the API has it."""


class Select(NamedTuple):
    """Which objects, in kubectl's syntax; empty fields match all."""

    labels: str = ""
    fields: str = ""


EVERYTHING: Final = Select()


class Listing(NamedTuple):
    """All objects that matched, and the version from which a watch goes on."""

    items: list[Object]
    version: str


class Event(NamedTuple):
    """A change that the server reported. A BOOKMARK has nothing but a newer version."""

    type: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]
    object: Object


class LogWanted(NamedTuple):
    """Which part of a container's log; the fields are those of the API's own call.

    Every line comes with its time in front, as RFC 3339 with nanoseconds.
    """

    container: str
    follow: bool = False
    tail_lines: int | None = None
    since_time: str = ""
    previous: bool = False
    stream: str = ""
    """"Stdout" or "Stderr", where the cluster can tell them apart (1.32, behind a feature gate)."""


class Kube(Protocol):
    """A Kubernetes API server. Objects are plain dictionaries; namespaces are always explicit.

    Any call raises `DeniedError` (with the rule that is missing), `UnauthenticatedError`,
    `ThrottledError` or `UnavailableError`; those that name an object `NotFoundError`. Nothing is
    tried again in here but by `follow`. A cancelled call may have reached the server.
    """

    async def get(self, resource: Resource, name: str, namespace: str = "") -> Object:
        """Return one object."""
        ...

    async def list(
        self, resource: Resource, namespace: str = "", select: Select = EVERYTHING
    ) -> Listing:
        """Return all objects that match, whatever number of pages they take."""
        ...

    def watch(
        self, resource: Resource, namespace: str, select: Select, since: str
    ) -> AsyncGenerator[Event]:
        """Report what changes after version *since*, bookmarks too.

        Ends when the server closes, as it does every few minutes: call again with the last
        version seen. `GoneError` when the server no longer knows what came after *since*.
        """
        ...

    async def create(self, resource: Resource, manifest: Object, namespace: str = "") -> Object:
        """Create an object. `AlreadyExistsError`; `InvalidError` for one that is refused."""
        ...

    async def patch(
        self, resource: Resource, name: str, namespace: str, patch: Object, subresource: str = ""
    ) -> Object:
        """Merge *patch* into the object (RFC 7386: null removes, lists are replaced).

        With `metadata.resourceVersion` in it the patch is done only to that version of the object:
        `ConflictError` otherwise. *subresource* is "status" or empty.
        """
        ...

    async def apply(
        self, resource: Resource, manifest: Object, namespace: str = "", *, force: bool = False
    ) -> Object:
        """Server-side apply: create the object or make our fields be as in *manifest*.

        `ConflictError` names the manager who has set one of the fields otherwise, unless *force*.
        """
        ...

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str = "",
        *,
        uid: str = "",
        grace_s: int | None = None,
    ) -> None:
        """Delete the object, only the one with *uid* if that is given (`ConflictError`).

        Returns when the server has accepted; a pod stays until its containers have ended.
        """
        ...

    def logs(self, name: str, namespace: str, wanted: LogWanted) -> AsyncGenerator[bytes]:
        """Stream the log of a pod's container, in pieces as they come, not cut at lines.

        `NotReadyError` while there is none yet.
        """
        ...
