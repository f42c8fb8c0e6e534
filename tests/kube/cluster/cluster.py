"""The cluster that tests see: objects to put in, requests to look at, faults to order."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any, Self

import yaml
from aiohttp import web

from argoexec_cli.kube.resources import Resource
from tests.kube.cluster.faults import Fault
from tests.kube.cluster.podlogs import PodLogs
from tests.kube.cluster.requests import Asked
from tests.kube.cluster.server import Server
from tests.kube.cluster.store import Store
from tests.kube.cluster.tls import Authority

Manifest = dict[str, Any]
ADMIN = "admin"
ADMIN_TOKEN = "token-of-admin"


class FakeCluster:
    """An API server in a thread; a context manager. Everything may be used from any thread.

    Without `rbac` everybody may do everything; with it the Roles in the store decide. With
    `kubelet` a deleted pod stays until somebody takes it out of the store. With `split_streams`
    logs can be asked for by stream, as clusters can since 1.32 behind a feature gate.
    """

    def __init__(self, *, tls: bool = False) -> None:
        """Start nothing yet."""
        self.store = Store()
        self.pod_logs = PodLogs()
        self.asked: list[Asked] = []
        self.faults: list[Fault] = []
        self.users = {ADMIN_TOKEN: ADMIN}
        self.rbac = False
        self.kubelet = False
        self.split_streams = False
        self.largest_request = 3 * 1024 * 1024
        self.largest_page = 500
        self.closed_watches = 0
        self.stopping = False
        self.authority = Authority() if tls else None
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fake-cluster", daemon=True)
        self._started = threading.Event()
        self._done = asyncio.Event()

    def __enter__(self) -> Self:
        """Start to listen on a free port."""
        self._thread.start()
        assert self._started.wait(60), "the fake cluster did not start"
        return self

    def __exit__(self, *_: object) -> None:
        """Let everybody go."""
        self.stopping = True
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(60)
        assert not self._thread.is_alive(), "the fake cluster did not stop"

    def add(self, resource: Resource, *manifests: Manifest, namespace: str = "") -> None:
        """Put objects into the cluster, status included, as somebody else would."""
        for manifest in manifests:
            meta = dict(manifest.get("metadata") or {})
            if resource.namespaced:
                meta.setdefault("namespace", namespace or "default")
            self.store.put(resource, manifest | {"metadata": meta})

    def object(self, resource: Resource, name: str, namespace: str = "") -> Manifest:
        """Return an object as it is now."""
        return self.store.get(resource, namespace, name)

    def fail(self, code: int, verb: str = "", plural: str = "", **more: Any) -> Fault:
        """Have the next matching request end with *code*; see `Fault` for what more there is."""
        fault = Fault(code, verb, plural, **more)
        self.faults.append(fault)
        return fault

    def close_watches(self) -> None:
        """End every watch that is open, as a server does now and then."""
        self.closed_watches += 1
        for wake in tuple(self.store.listeners):
            wake()

    def cut_logs(self) -> None:
        """End every log that is followed, as a node that is restarted does."""
        self.closed_watches += 1
        for wake in tuple(self.pod_logs.listeners):
            wake()

    def calls(self, verb: str = "", plural: str = "", **more: Any) -> list[Asked]:
        """Return the requests so far that match."""
        return [each for each in self.asked if each.matches(verb, plural, **more)]

    def account(self, name: str, namespace: str) -> str:
        """Return a token for a service account."""
        token = f"token-of-{namespace}-{name}"
        self.users[token] = f"system:serviceaccount:{namespace}:{name}"
        return token

    def log(self, namespace: str, pod: str, container: str, text: bytes) -> None:
        """Have a container write *text* now."""
        self.pod_logs.write((namespace, pod, container), text, time.time_ns())

    def kubeconfig(self, path: Path, *, token: str = ADMIN_TOKEN, namespace: str = "") -> Path:
        """Write a kubeconfig for this cluster; its context is called `fake`."""
        cluster: Manifest = {"server": self.url}
        if self.authority is not None:
            cluster["certificate-authority-data"] = self.authority.certificate_base64
        context = {"cluster": "fake", "user": "fake"}
        if namespace:
            context["namespace"] = namespace
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": cluster}],
            "contexts": [{"name": "fake", "context": context}],
            "users": [{"name": "fake", "user": {"token": token}}],
        }
        path.write_text(yaml.safe_dump(config))
        return path

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        server = Server(self)
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_get("/version", server.version)
        app.router.add_route("*", "/{path:.*}", server.handle)
        runner = web.AppRunner(app, shutdown_timeout=1.0, access_log=None)
        await runner.setup()
        tls = self.authority.server_context() if self.authority else None
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        port = runner.addresses[0][1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        self._started.set()
        await self._done.wait()
        await runner.cleanup()
        await asyncio.sleep(0.01)  # connections that were closed end in the loop's next turns
