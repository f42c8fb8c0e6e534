"""The agent and the plugin as processes: killed, stopped, and with their surroundings missing."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.argo.agent.bench import say, until
from tests.argo.agent.controller import FULFILLED, Controller
from tests.argo.agent.machine import Machine
from tests.kube.cluster import FakeCluster

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


async def test_kill_9_between_start_and_post_runs_nothing_twice(
    machine: Machine, cluster: FakeCluster, kubeconfig: Path
) -> None:
    controller = Controller(cluster)
    agent = machine.agent(kubeconfig)
    cluster.fail(503, "patch", "workflowtasksets", times=10_000)
    for number in range(5):
        controller.add(f"wf-{number}", say(f"echo {number}"))
    controller.operate()
    await until(lambda: bool(controller.patches))
    agent.send_signal(signal.SIGKILL)
    agent.wait(10)
    cluster.faults.clear()
    machine.agent(kubeconfig)

    def done() -> bool:
        controller.operate()
        return all(one["phase"] in FULFILLED for one in controller.nodes.values())

    await until(done)
    results = [one["outputs"]["result"] for one in controller.nodes.values()]
    assert results == ["0", "1", "2", "3", "4"]
    assert len(machine.pods()) == 5


async def test_term_ends_the_agent_and_not_its_tasks(
    machine: Machine, cluster: FakeCluster, kubeconfig: Path
) -> None:
    controller = Controller(cluster)
    agent = machine.agent(kubeconfig, "--leader-elect", "--health", "127.0.0.1:0")
    controller.add("wf-1", say("sleep 6; echo 1"))
    controller.operate()
    await until(lambda: len(machine.pods()) == 1)
    agent.terminate()
    assert await asyncio.to_thread(agent.wait, 60) == 0
    machine.agent(kubeconfig, "--leader-elect")

    def done() -> bool:
        controller.operate()
        return bool(controller.nodes["wf-1"]["phase"] == "Succeeded")

    await until(done)


def test_a_second_agent_on_one_ledger_is_refused(
    machine: Machine, cluster: FakeCluster, kubeconfig: Path
) -> None:
    machine.agent(kubeconfig)
    where = ("--kubeconfig", str(kubeconfig), "--data-dir", str(machine.home / "agent"))
    second = machine.run("agent", *where)
    assert second.returncode == 2
    assert "is in use by the agent with pid" in second.stderr
    assert "serve --stop" not in second.stderr
    assert "Traceback" not in second.stderr


def test_a_missing_rule_is_named(machine: Machine, cluster: FakeCluster, kubeconfig: Path) -> None:
    cluster.rbac = True
    token = cluster.account("agent", "argo")
    cluster.kubeconfig(kubeconfig, token=token)
    done = machine.run("agent", "--kubeconfig", str(kubeconfig))
    assert done.returncode == 6
    assert "may not list workflow" in done.stderr
    assert 'verbs: ["list"]' in done.stderr
    assert "Traceback" not in done.stderr


async def test_the_plugin_answers_and_ends(machine: Machine) -> None:
    token = machine.home / "token"
    token.write_text("s3cret-s3cret\n")
    plugin = machine.start("plugin", "--token-file", str(token), "--listen", "127.0.0.1:0")
    port = machine.said.strip().rpartition(":")[2]
    body = {
        "workflow": {"metadata": {"name": "wf", "namespace": "argo", "uid": "u"}},
        "template": say("echo 1"),
    }
    headers = {"Authorization": "Bearer s3cret-s3cret"}
    url = f"http://127.0.0.1:{port}/api/v1/template.execute"
    async with ClientSession() as http, http.post(url, json=body, headers=headers) as reply:
        assert reply.status == 200
        assert (await reply.json())["requeue"] == "1s"
    plugin.terminate()
    assert await asyncio.to_thread(plugin.wait, 60) == 0
