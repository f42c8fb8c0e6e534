"""`Kube` over HTTP. `connecting` opens the connection that it uses."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import httpx2
import msgspec

from argoexec_cli.errors import UnavailableError
from argoexec_cli.kube.base import EVERYTHING, Event, Kube, Listing, LogWanted, Object, Select
from argoexec_cli.kube.errors import GoneError, Request, error_of, error_of_status
from argoexec_cli.kube.resources import PODS, Resource

FIELD_MANAGER: Final = "argoexec"
PAGE: Final = 500
_WATCH_S: Final = (240, 300)
"""How long one watch lasts at most; spread, so that many do not come back at once."""

_SLACK_S: Final = 30.0
_LISTED_AGAIN: Final = 3
_MERGE: Final = "application/merge-patch+json"
_APPLY: Final = "application/apply-patch+yaml"


class KubeClient:
    """A Kubernetes API server, by its HTTP API. See `Kube` for the calls."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        """Use *http*, which knows address and credentials; whoever made it closes it."""
        self._http = http

    async def get(self, resource: Resource, name: str, namespace: str = "") -> Object:
        """See `Kube.get`."""
        return await self._call("GET", Request("get", resource, namespace, name))

    async def list(
        self, resource: Resource, namespace: str = "", select: Select = EVERYTHING
    ) -> Listing:
        """See `Kube.list`. A listing whose next page is gone starts anew."""
        for _ in range(_LISTED_AGAIN):
            try:
                return await self._pages(resource, namespace, select)
            except GoneError:
                continue
        return await self._pages(resource, namespace, select)

    async def watch(
        self, resource: Resource, namespace: str, select: Select, since: str
    ) -> AsyncGenerator[Event]:
        """See `Kube.watch`."""
        request = Request("watch", resource, namespace)
        seconds = random.randint(*_WATCH_S)  # noqa: S311 - no secret depends on it
        query = _selection(select) | {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": since,
            "timeoutSeconds": str(seconds),
        }
        async with self._stream(request, query, read_s=seconds + _SLACK_S) as reply:
            async for line in reply.aiter_lines():
                if line:
                    yield _event(request, line)

    async def create(self, resource: Resource, manifest: Object, namespace: str = "") -> Object:
        """See `Kube.create`."""
        request = Request("create", resource, namespace)
        body = {"apiVersion": resource.api_version, "kind": resource.kind} | manifest
        return await self._call("POST", request, body, query={"fieldManager": FIELD_MANAGER})

    async def patch(
        self, resource: Resource, name: str, namespace: str, patch: Object, subresource: str = ""
    ) -> Object:
        """See `Kube.patch`."""
        request = Request("patch", resource, namespace, name, subresource)
        return await self._call(
            "PATCH", request, patch, query={"fieldManager": FIELD_MANAGER}, content=_MERGE
        )

    async def apply(
        self, resource: Resource, manifest: Object, namespace: str = "", *, force: bool = False
    ) -> Object:
        """See `Kube.apply`."""
        request = Request("patch", resource, namespace, manifest["metadata"]["name"])
        query = {"fieldManager": FIELD_MANAGER, "force": "true" if force else "false"}
        body = {"apiVersion": resource.api_version, "kind": resource.kind} | manifest
        return await self._call("PATCH", request, body, query=query, content=_APPLY)

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str = "",
        *,
        uid: str = "",
        grace_s: int | None = None,
    ) -> None:
        """See `Kube.delete`."""
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions"}
        options["propagationPolicy"] = "Background"
        if uid:
            options["preconditions"] = {"uid": uid}
        if grace_s is not None:
            options["gracePeriodSeconds"] = grace_s
        await self._call("DELETE", Request("delete", resource, namespace, name), options)

    async def logs(self, name: str, namespace: str, wanted: LogWanted) -> AsyncGenerator[bytes]:
        """See `Kube.logs`."""
        request = Request("get", PODS, namespace, name, "log")
        query = {"container": wanted.container, "timestamps": "true"}
        if wanted.follow:
            query["follow"] = "true"
        if wanted.previous:
            query["previous"] = "true"
        if wanted.tail_lines is not None:
            query["tailLines"] = str(wanted.tail_lines)
        if wanted.stream:
            query["stream"] = wanted.stream
        if wanted.since_time:
            query["sinceTime"] = wanted.since_time
        async with self._stream(request, query, read_s=None) as reply:
            async for piece in reply.aiter_bytes():
                yield piece

    async def _pages(self, resource: Resource, namespace: str, select: Select) -> Listing:
        request = Request("list", resource, namespace)
        items: list[Object] = []
        query = _selection(select) | {"limit": str(PAGE)}
        while True:
            page = await self._call("GET", request, query=query)
            items += page.get("items") or []
            meta = page.get("metadata") or {}
            if not meta.get("continue"):
                return Listing(items, str(meta.get("resourceVersion", "")))
            query["continue"] = meta["continue"]

    async def _call(
        self,
        method: str,
        request: Request,
        body: Object | None = None,
        *,
        query: dict[str, str] | None = None,
        content: str = "application/json",
    ) -> Object:
        data = None if body is None else msgspec.json.encode(body)
        headers = {} if body is None else {"Content-Type": content}
        async with _failures(request):
            reply = await self._http.request(
                method, _path(request), params=query, content=data, headers=headers
            )
        if reply.status_code >= 400:
            raise _refusal(request, reply)
        found: Object = msgspec.json.decode(reply.content)
        return found

    @asynccontextmanager
    async def _stream(
        self, request: Request, query: dict[str, str], *, read_s: float | None
    ) -> AsyncIterator[httpx2.Response]:
        timeout = httpx2.Timeout(10.0, read=read_s)
        async with (
            _failures(request),
            self._http.stream("GET", _path(request), params=query, timeout=timeout) as reply,
        ):
            if reply.status_code >= 400:
                await reply.aread()
                raise _refusal(request, reply)
            yield reply


@asynccontextmanager
async def _failures(request: Request) -> AsyncIterator[None]:
    """Turn what goes wrong below HTTP into our error."""
    try:
        yield
    except httpx2.TimeoutException as exc:
        message = f"the API server does not answer in time: {request}"
        raise UnavailableError(message, hint="kubectl get --raw /readyz") from exc
    except (httpx2.HTTPError, httpx2.StreamError) as exc:
        problem = str(exc) or type(exc).__name__
        message = f"the API server cannot be reached: {problem}"
        raise UnavailableError(message, hint="kubectl cluster-info") from exc


def _path(request: Request) -> str:
    return request.resource.path(request.namespace, request.name, request.subresource)


def _refusal(request: Request, reply: httpx2.Response) -> Exception:
    wait = reply.headers.get("Retry-After", "")
    return error_of(request, reply.status_code, reply.content, wait)


def _selection(select: Select) -> dict[str, str]:
    pairs = {"labelSelector": select.labels, "fieldSelector": select.fields}
    return {key: value for key, value in pairs.items() if value}


def _event(request: Request, line: str) -> Event:
    event: dict[str, Any] = msgspec.json.decode(line)
    if event["type"] == "ERROR":
        raise error_of_status(request, event["object"])
    return Event(event["type"], event["object"])


if TYPE_CHECKING:
    _: type[Kube] = KubeClient
