"""Argo's tasks: from the end of a task to the result in the task set, and the plugin's answers."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, TCPConnector

from argoexec_cli.kube.resources import TASK_SETS
from tests.argo.agent.bench import say
from tests.argo.agent.controller import Controller
from tests.bench.rows import Row, percentile
from tests.kube.cluster import FakeCluster

_TASKS = 200
_AT_ONCE = 16
_STOCK_PERIOD_S = 10.0
"""How often Argo's own agent writes results: ARGO_AGENT_PATCH_RATE's default."""
_RATE = 500
_SECONDS = 10
_LIMIT_S = 120.0


def agent() -> list[Row]:
    """Run many tasks of one workflow through the agent, with the fake runtime behind it."""
    with FakeCluster() as cluster, _machine(_AT_ONCE) as machine:
        config = cluster.kubeconfig(machine.home / "kubeconfig")
        machine.start("agent", "--kubeconfig", str(config), "--data-dir", str(machine.home / "a"))
        controller = Controller(cluster)
        written = _Written(cluster)
        for number in range(_TASKS):
            controller.add(f"wf-{number}", say(f"echo {number}"))
        controller.operate()
        written.wait(_TASKS)
        ends = machine.ends()
    delays = [at - ends[node] for node, at in written.nodes.items()]
    span = max(max(written.patches) - min(written.patches), 1.0)
    last = max(written.nodes.values()) - max(ends.values())
    note = f"{_TASKS} echo tasks of one workflow, {_AT_ONCE} at a time, fake runtime, one run"
    return [
        Row(
            "agent: last task ended → last result written, beside the stock agent's period",
            "s",
            last,
            _STOCK_PERIOD_S,
            limit=0.2,
            note=note,
        ),
        Row(
            "agent: task ended → its result written, p99",
            "s",
            percentile(delays, 0.99),
            limit=0.3,
            note=f"median {percentile(delays, 0.5):.3f} s",
        ),
        Row("agent: patches of one task set", "/s", (len(written.patches) - 1) / span, limit=5.0),
    ]


def plugin() -> list[Row]:
    """Ask the plugin about running tasks at a fixed rate, whether it keeps up or not."""
    with _machine(2 * _RATE) as machine:
        said = machine.start("plugin", "--no-token", "--listen", "127.0.0.1:0")
        port = int(said.strip().rpartition(":")[2])
        first, again = asyncio.run(_ask(port))
    note = f"{_RATE} requests/s for {_SECONDS} s over loopback, {_RATE} running tasks"
    return [
        Row("plugin: an answer about a running task, p99", "s", again, limit=0.05, note=note),
        Row("plugin: an answer to a new task, p99", "s", first, note="16 at a time"),
    ]


async def _ask(port: int) -> tuple[float, float]:
    url = f"http://127.0.0.1:{port}/api/v1/template.execute"
    bodies = [
        {
            "workflow": {"metadata": {"name": "wf", "namespace": "argo", "uid": "u"}},
            "template": say(f"sleep 300; echo {number}"),
        }
        for number in range(_RATE)
    ]
    async with ClientSession(connector=TCPConnector(limit=64)) as http:

        async def call(body: Any, due: float) -> float:
            async with http.post(url, json=body) as reply:
                answer = await reply.json()
            assert "requeue" in answer, answer
            return time.monotonic() - due

        gate = asyncio.Semaphore(16)

        async def begin(body: Any) -> float:
            async with gate:
                return await call(body, time.monotonic())

        first = await asyncio.gather(*(begin(body) for body in bodies))
        tasks = []
        begun = time.monotonic()
        for number in range(_RATE * _SECONDS):
            due = begun + number / _RATE
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            tasks.append(asyncio.ensure_future(call(bodies[number % _RATE], due)))
        again = await asyncio.gather(*tasks)
    return percentile(list(first), 0.99), percentile(list(again), 0.99)


class _Written:
    """Notes when which node's result came into the task set."""

    def __init__(self, cluster: FakeCluster) -> None:
        self.nodes: dict[str, float] = {}
        self.patches: list[float] = []
        self._cluster = cluster
        cluster.store.listeners.add(self._look)

    def wait(self, count: int) -> None:
        deadline = time.monotonic() + _LIMIT_S
        while len(self.nodes) < count:
            if time.monotonic() > deadline:
                raise SystemExit(f"only {len(self.nodes)} of {count} results came")
            time.sleep(0.05)

    def _look(self) -> None:
        now = time.time()
        found = self._cluster.store.find(TASK_SETS, "argo", "wf") or {}
        nodes = (found.get("status") or {}).get("nodes") or {}
        new = {node: now for node in nodes if node not in self.nodes}
        if new:
            self.nodes |= new
            self.patches.append(now)


class _Machine:
    """A daemon with the fake runtime, and programs beside it."""

    def __init__(self, home: Path, max_pods: int) -> None:
        self.home = home
        self._max_pods = max_pods
        self._where = ("--data-dir", str(home / "data"), "--socket", str(home / "s.sock"))
        self._env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "ARGOEXEC_CONFIG": str(home / "config.yaml"),
            "ARGOEXEC_SERVER": f"unix://{home}/s.sock",
        }
        self._children: list[subprocess.Popen[str]] = []

    def run(self, *arguments: str) -> str:
        argv: Sequence[str] = (sys.executable, "-m", "argoexec_cli", *arguments)
        done = subprocess.run(argv, env=self._env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(arguments[:2])}: {done.stderr}")
        return done.stdout

    def serve(self) -> None:
        limit = ("--max-pods", str(self._max_pods))
        self.run("serve", "--detach", "--runtime", "fake", *limit, *self._where)

    def start(self, *arguments: str) -> str:
        child = subprocess.Popen(
            (sys.executable, "-m", "argoexec_cli", *arguments),
            env=self._env,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._children.append(child)
        assert child.stderr is not None
        said = child.stderr.readline()
        while " INFO " in said:
            said = child.stderr.readline()
        return said

    def ends(self) -> dict[str, float]:
        """Return when the task of each node ended, as the daemon noted it."""
        found = json.loads(self.run("list", "-o", "json", "-n", "argo"))
        ends = {}
        for pod in found["items"] if isinstance(found, dict) else found:
            node = pod["metadata"]["annotations"]["workflows.argoproj.io/node-id"]
            state = pod["status"]["containerStatuses"][0]["state"]["terminated"]
            finished = datetime.fromisoformat(state["finishedAt"].replace("Z", "+00:00"))
            ends[node] = finished.timestamp()
        return ends

    def stop(self) -> None:
        for child in self._children:
            child.terminate()
            child.wait(20)
            if child.stderr is not None:
                child.stderr.close()
        self.run("serve", "--stop", *self._where)


@contextmanager
def _machine(max_pods: int) -> Iterator[_Machine]:
    with tempfile.TemporaryDirectory(prefix="axd") as directory:
        machine = _Machine(Path(directory), max_pods)
        machine.serve()
        try:
            yield machine
        finally:
            machine.stop()
