"""Random walks: whatever happens in whatever order, what must never happen does not."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from argoexec_cli.argo.translate.request import NODE
from argoexec_cli.kube.resources import TASK_SETS
from tests.argo.agent.bench import Bench, say
from tests.argo.agent.controller import FULFILLED, Controller
from tests.kube.cluster import FakeCluster

STEPS = 40


def strangers(cluster: FakeCluster) -> list[str]:
    """Return every node that a patch named although the version that it was for lacked it."""
    tasks = {
        str(one.version): set((one.after.get("spec") or {}).get("tasks") or {})
        for one in cluster.store.since(0)
        if one.resource == TASK_SETS and one.after is not None
    }
    return [
        node
        for call in cluster.calls("patch", "workflowtasksets")
        for node in call.body["status"]["nodes"]
        if node not in tasks[call.body["metadata"]["resourceVersion"]]
    ]


@pytest.mark.parametrize("seed", range(6))
async def test_no_patch_names_a_stranger_and_nothing_runs_twice(
    bench: Bench, cluster: FakeCluster, seed: int
) -> None:
    chance = random.Random(seed)
    controller = Controller(cluster, may_patch_status=seed % 3 != 2)
    await bench.start()
    withdrawn: set[str] = set()
    for step in range(STEPS):
        node = f"wf-{step}"
        match chance.choice(["add", "add", "add", "withdraw", "watch", "fault", "restart", "wait"]):
            case "add":
                script = f"sleep 0.{chance.randint(0, 3)}; echo {step}; exit {chance.randint(0, 1)}"
                controller.add(node, say(script))
            case "withdraw":
                open_ = [n for n, one in controller.nodes.items() if one["phase"] == "Pending"]
                if open_:
                    gone = chance.choice(open_)
                    controller.nodes[gone]["phase"] = "Failed"
                    withdrawn.add(gone)
            case "watch":
                cluster.close_watches()
            case "fault":
                code = chance.choice([409, 429, 500, 503, 0])
                cluster.fail(code, "patch", after=chance.random() < 0.3, retry_after=1)
            case "restart":
                await bench.stop()
                await bench.start()
        controller.operate()
        await asyncio.sleep(chance.random() * 0.1)
    cluster.faults.clear()
    await bench.operated(controller, *controller.nodes)
    assert strangers(cluster) == []
    assert controller.wedged == []
    runs = Counter(one.pod.metadata.annotations[NODE] for one in await bench.pods())
    assert set(runs.values()) <= {1}
    assert set(runs) | withdrawn >= set(controller.nodes)
    for node, one in controller.nodes.items():
        assert one["phase"] in FULFILLED
        if node not in withdrawn:
            assert one["outputs"]["result"] == node.removeprefix("wf-")
