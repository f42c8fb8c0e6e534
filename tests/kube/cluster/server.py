"""The HTTP side: who asks for what, may it be done, and the streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aiohttp import web

from argoexec_cli.kube.resources import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    PODS,
    ROLE_BINDINGS,
    ROLES,
    SELF_ACCESS_REVIEWS,
)
from tests.kube.cluster import writing
from tests.kube.cluster.access import Attributes, allowed, escalates
from tests.kube.cluster.faults import CUT
from tests.kube.cluster.podlogs import LogLine
from tests.kube.cluster.refusals import Refusal
from tests.kube.cluster.requests import Asked, address, named_by, verb_of
from tests.kube.cluster.store import Written, selects

if TYPE_CHECKING:
    from tests.kube.cluster.cluster import FakeCluster

ANONYMOUS = "system:anonymous"
_BOOKMARK_S = 0.2
_GIVING = (ROLES, CLUSTER_ROLES, ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS)


class Server:
    """Answers requests with what a cluster has."""

    def __init__(self, cluster: FakeCluster) -> None:
        """Serve *cluster*."""
        self._cluster = cluster
        self._store = cluster.store

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        try:
            asked = await self._read(request)
        except Refusal as refusal:
            return _refused(refusal)
        self._cluster.asked.append(asked)
        try:
            self._fail(request, asked, after=False)
            self._authorize(asked)
            if asked.verb == "watch":
                return await self._watch(request, asked)
            if asked.subresource == "log":
                return await self._logs(request, asked)
            answer = self._answer(asked)
            self._fail(request, asked, after=True)
        except Refusal as refusal:
            return _refused(refusal)
        return web.json_response(answer, status=201 if asked.verb == "create" else 200)

    async def version(self, request: web.Request) -> web.StreamResponse:
        """Answer /version."""
        return web.json_response({"major": "1", "minor": "33", "gitVersion": "v1.33.0"})

    async def _read(self, request: web.Request) -> Asked:
        resource, namespace, name, sub = address(request.path)
        query = dict(request.query)
        data = await request.read()
        if len(data) > self._cluster.largest_request:
            raise Refusal(413, f"limit is {self._cluster.largest_request}")
        body = json.loads(data) if data else None
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        user = self._cluster.users.get(token, "") if scheme == "Bearer" else ANONYMOUS
        if not user:
            raise Refusal(401, "Unauthorized")
        verb = verb_of(request.method, query, name)
        return Asked(verb, resource, namespace, name, sub, query, body, request.content_type, user)

    def _fail(self, request: web.Request, asked: Asked, *, after: bool) -> None:
        for fault in self._cluster.faults:
            if fault.take(asked, after=after):
                if fault.code != CUT:
                    raise fault.refusal()
                assert request.transport is not None
                request.transport.abort()
                raise Refusal(500, "cut")

    def _authorize(self, asked: Asked) -> None:
        if not self._cluster.rbac or asked.resource == SELF_ACCESS_REVIEWS:
            return  # everybody may ask about themselves: system:basic-user
        if asked.applies and not self._store.find(asked.resource, asked.namespace, asked.name):
            self._check(asked._replace(verb="create"))
        self._check(asked)

    def _check(self, asked: Asked) -> None:
        sub = f"/{asked.subresource}" if asked.subresource else ""
        plural = f"{asked.resource.plural}{sub}"
        name = asked.name or named_by(asked.query.get("fieldSelector", ""))
        wanted = Attributes(asked.verb, asked.resource.group, plural, asked.namespace, name)
        if not allowed(self._store, asked.user, wanted):
            where = (
                f'in the namespace "{asked.namespace}"'
                if asked.namespace
                else "at the cluster scope"
            )
            text = (
                f'{plural} "{asked.name}" is forbidden: User "{asked.user}" cannot {asked.verb} '
                f'resource "{plural}" in API group "{asked.resource.group}" {where}'
            )
            raise Refusal(403, text)
        if asked.resource in _GIVING and isinstance(asked.body, dict) and asked.verb != "delete":
            more = escalates(self._store, asked.user, asked.body, asked.namespace)
            if more:
                text = f'user "{asked.user}" is attempting to grant RBAC permissions not currently'
                raise Refusal(403, f"{text} held: {more}")

    def _answer(self, asked: Asked) -> dict[str, Any]:
        store = self._store
        if asked.verb == "get":
            return store.get(asked.resource, asked.namespace, asked.name)
        if asked.verb == "list":
            return self._list(asked)
        if asked.verb == "create":
            return writing.create(store, asked, open_to_all=not self._cluster.rbac)
        if asked.verb == "patch":
            return writing.patch(store, asked)
        if asked.verb == "update":
            return writing.replace(store, asked)
        gone = writing.delete(store, asked, kubelet=self._cluster.kubelet)
        if asked.resource == PODS and not store.find(PODS, asked.namespace, asked.name):
            self._cluster.pod_logs.drop(asked.namespace, asked.name)
        return gone

    def _list(self, asked: Asked) -> dict[str, Any]:
        with self._store.lock:
            found = [each for each in self._store.all(asked.resource) if _selected(asked, each)]
            version = str(self._store.version)
        start = int(asked.query.get("continue", "0"))
        size = int(asked.query.get("limit", "0")) or len(found)
        size = min(size, self._cluster.largest_page)
        more = {"continue": str(start + size)} if start + size < len(found) else {}
        return {
            "apiVersion": asked.resource.api_version,
            "kind": f"{asked.resource.kind}List",
            "metadata": {"resourceVersion": version} | more,
            "items": found[start : start + size],
        }

    async def _watch(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        version = int(asked.query.get("resourceVersion") or 0)
        events = self._store.since(version)  # 410 as a status, before the stream starts
        reply = web.StreamResponse(headers={"Content-Type": "application/json"})
        await reply.prepare(request)
        ends = asyncio.get_running_loop().time() + float(asked.query.get("timeoutSeconds", "300"))
        closings = self._cluster.closed_watches
        async with self._changes(self._store.listeners) as changed, _client_left():
            while asyncio.get_running_loop().time() < ends:
                changed.clear()
                for written in events:
                    version = written.version
                    if (event := _event(asked, written)) is not None:
                        await reply.write(_line(*event))
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), _BOOKMARK_S)
                if self._cluster.closed_watches != closings or self._cluster.stopping:
                    break
                try:
                    with self._store.lock:
                        events, newest = self._store.since(version), self._store.version
                except Refusal as refusal:
                    await reply.write(_line("ERROR", refusal.status()))
                    break
                if not events and asked.query.get("allowWatchBookmarks") == "true":
                    version = newest
                    await reply.write(_line("BOOKMARK", _bookmark(asked, version)))
        return reply

    async def _logs(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        self._store.get(PODS, asked.namespace, asked.name)
        key = (asked.namespace, asked.name, asked.query["container"])
        lines, ended = self._cluster.pod_logs.read(key)
        if lines is None:
            text = f'container "{key[2]}" in pod "{key[1]}" is waiting to start: ContainerCreating'
            raise Refusal(400, text)
        reply = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await reply.prepare(request)
        streams = asked.query.get("stream", "Stdout,Stderr")
        shown = len(lines)
        wanted = _wanted(asked.query, lines)
        closings = self._cluster.closed_watches
        async with self._changes(self._cluster.pod_logs.listeners) as changed, _client_left():
            while True:
                for line in wanted:
                    if self._cluster.split_streams and line.stream not in streams:
                        continue
                    await reply.write(line.stamped())
                closed = closings != self._cluster.closed_watches or self._cluster.stopping
                if ended or closed or "follow" not in asked.query:
                    break
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), _BOOKMARK_S)
                changed.clear()
                found, ended = self._cluster.pod_logs.read(key)
                wanted = [] if found is None else found[shown:]
                shown += len(wanted)
        return reply

    @asynccontextmanager
    async def _changes(self, listeners: set[Callable[[], None]]) -> AsyncIterator[asyncio.Event]:
        """Give an event that is set at each change, whatever thread makes it."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(changed.set)

        listeners.add(wake)
        try:
            yield changed
        finally:
            listeners.discard(wake)


@asynccontextmanager
async def _client_left() -> AsyncIterator[None]:
    with suppress(ConnectionError):
        yield


def _refused(refusal: Refusal) -> web.Response:
    headers = {"Retry-After": str(refusal.retry_after)} if refusal.retry_after else {}
    return web.json_response(refusal.status(), status=refusal.code, headers=headers)


def _selected(asked: Asked, found: dict[str, Any]) -> bool:
    labels, fields = asked.query.get("labelSelector", ""), asked.query.get("fieldSelector", "")
    return selects(found, asked.namespace, labels, fields)


def _event(asked: Asked, written: Written) -> tuple[str, dict[str, Any]] | None:
    """Return what a watch with a selector says of a write."""
    if written.resource != asked.resource:
        return None
    before = written.before if written.before and _selected(asked, written.before) else None
    after = written.after if written.after and _selected(asked, written.after) else None
    if after is not None:
        return ("MODIFIED" if before is not None else "ADDED"), after
    if before is None:
        return None
    meta = before["metadata"] | {"resourceVersion": str(written.version)}
    return "DELETED", before | {"metadata": meta}


def _bookmark(asked: Asked, version: int) -> dict[str, Any]:
    return {
        "apiVersion": asked.resource.api_version,
        "kind": asked.resource.kind,
        "metadata": {"resourceVersion": str(version)},
    }


def _line(kind: str, found: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": found}).encode() + b"\n"


def _wanted(query: dict[str, str], lines: list[LogLine]) -> list[LogLine]:
    if since := query.get("sinceTime"):
        seconds = datetime.fromisoformat(since).timestamp()
        lines = [line for line in lines if line.time_ns >= seconds * 1_000_000_000]
    if tail := query.get("tailLines"):
        lines = lines[-int(tail) :] if int(tail) else []
    return lines
