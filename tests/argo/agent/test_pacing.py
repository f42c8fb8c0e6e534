"""Many tasks at once: how they are begun, and that each end is told once, when it is on disk."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest

from argoexec_cli.argo.agent import running
from argoexec_cli.argo.agent.ledger import Entry, Ledger
from argoexec_cli.argo.tails import read_tails
from argoexec_cli.executors.local.manager import LocalExecutor
from argoexec_cli.kube.base import Object
from argoexec_cli.kube.client import KubeClient
from argoexec_cli.models.executor import Executor
from argoexec_cli.models.record import PodQuery, PodRecord, PodRequest, PodUpdate
from tests.argo.agent.bench import Bench, quiet, say, until
from tests.argo.agent.controller import Controller


async def test_many_tasks_are_begun_a_few_at_a_time(
    bench: Bench, controller: Controller, executor: LocalExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_pod = executor.run_pod
    inside, most = 0, 0

    async def counted(request: PodRequest) -> PodRecord:
        nonlocal inside, most
        inside, most = inside + 1, max(most, inside + 1)
        await asyncio.sleep(0.01)
        record = await run_pod(request)
        inside -= 1
        return record

    monkeypatch.setattr(executor, "run_pod", counted)
    await bench.start()
    nodes = [f"wf-{number}" for number in range(20)]
    for node in nodes:
        controller.add(node, say("echo 1"))
    controller.operate()
    await bench.operated(controller, *nodes)
    assert 1 <= most <= 2


async def test_what_has_ended_comes_before_what_could_begin(
    bench: Bench, controller: Controller, executor: LocalExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go, reading = asyncio.Event(), asyncio.Event()

    async def slow(reader: Executor, record: PodRecord) -> dict[str, str]:
        reading.set()
        await let_go.wait()
        return await read_tails(reader, record)

    monkeypatch.setattr(running, "read_tails", slow)
    monkeypatch.setattr(running, "_ENDS_FIRST_S", 600.0)
    await bench.start()
    controller.add("wf-1", say("echo 1"))
    controller.operate()
    await reading.wait()
    controller.add("wf-2", say("echo 2"))
    controller.operate()
    await quiet()
    assert len(await bench.pods()) == 1
    let_go.set()
    await bench.operated(controller, "wf-1", "wf-2")


async def test_a_task_set_is_patched_five_times_a_second_at_most(
    bench: Bench, controller: Controller, kube: KubeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch, times = kube.patch, []

    async def timed(*args: Any) -> Object:
        times.append(time.monotonic())
        return await patch(*args)

    monkeypatch.setattr(kube, "patch", timed)
    await bench.start()
    for number in range(12):
        controller.add(f"wf-{number}", say(f"sleep {number / 10}; echo 1"))
    controller.operate()
    await until(lambda: len(controller.results) == 12)
    assert len(times) > 2
    assert min(later - earlier for earlier, later in pairwise(times)) >= 0.2


async def test_an_executor_is_asked_for_ends_only(
    bench: Bench, controller: Controller, executor: LocalExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch_pods, asked = executor.watch_pods, []

    def watched(query: PodQuery, token: str = "") -> AsyncIterator[PodUpdate]:
        asked.append(query.phase)
        return watch_pods(query, token)

    monkeypatch.setattr(executor, "watch_pods", watched)
    await bench.start()
    controller.add("wf-1", say("exit 3"))
    controller.add("wf-2", say("true"))
    controller.operate()
    await bench.operated(controller, "wf-1", "wf-2")
    assert sorted(asked) == ["Failed", "Succeeded"]
    assert [controller.nodes[node]["phase"] for node in ("wf-1", "wf-2")] == ["Failed", "Succeeded"]


async def test_an_end_is_told_when_it_is_on_disk_and_once(
    bench: Bench, controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """News of the task set comes while the result is on its way to the disk."""
    let_go, begun = asyncio.Event(), asyncio.Event()
    save = Ledger.save

    async def slow(ledger: Ledger, entry: Entry) -> Entry:
        if entry.result is None or entry.posted:
            return await save(ledger, entry)
        ledger._keep(entry)
        begun.set()
        await let_go.wait()
        return await save(ledger, entry)

    monkeypatch.setattr(Ledger, "save", slow)
    await bench.start()
    controller.add("wf-1", say("echo 1"))
    controller.operate()
    await begun.wait()
    controller.operate()
    await quiet()
    assert controller.patches == []
    let_go.set()
    await until(lambda: bool(controller.accepted))
    await quiet()
    assert [list(patch) for patch in controller.accepted] == [["wf-1"]]
    await bench.operated(controller, "wf-1")


async def test_what_no_host_of_the_executor_has_is_an_error_that_says_so(
    bench: Bench, controller: Controller
) -> None:
    template = say("echo 1")
    template["plugin"]["argoexec"]["container"]["resources"] = {"requests": {"memory": "900Ti"}}
    await bench.start()
    controller.add("wf-1", template)
    controller.operate()
    await bench.operated(controller, "wf-1")
    node = controller.nodes["wf-1"]
    assert node["phase"] == "Error"
    assert "the pod asks for" in node["message"]
    assert "this host has" in node["message"]
