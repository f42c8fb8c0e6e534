"""The scenarios that an agent has to survive, by their numbers in the contract's section I."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from argoexec_cli.argo.agent.health import Health, health_server
from argoexec_cli.argo.agent.ledger import Key
from argoexec_cli.kube.resources import CONFIG_MAPS, SECRETS, TASK_SETS
from argoexec_cli.models.status import PodStatus
from tests.argo.agent.bench import LIMIT_S, Bench, quiet, say, until
from tests.argo.agent.controller import Controller
from tests.argo.agent.http_server import HttpServer
from tests.kube.cluster import FakeCluster


async def _running(bench: Bench, count: int = 1) -> list[PodStatus]:
    async with asyncio.timeout(LIMIT_S):
        while True:
            found = [one.pod.status for one in await bench.pods()]
            running = [one for one in found if one.phase == "Running"]
            if len(running) >= count:
                return running
            await asyncio.sleep(0.01)


async def _all_ended(bench: Bench) -> None:
    async with asyncio.timeout(LIMIT_S):
        while any(  # noqa: ASYNC110 - pods are asked for, for many tests at once
            not one.pod.status.terminal for one in await bench.pods()
        ):
            await asyncio.sleep(0.01)


async def test_1_one_task_is_run_posted_and_taken_over(
    bench: Bench, controller: Controller
) -> None:
    await bench.start()
    controller.add("wf-1", say("echo 42"))
    controller.operate()
    await bench.operated(controller, "wf-1")
    node = controller.nodes["wf-1"]
    assert node["phase"] == "Succeeded"
    assert node["outputs"]["result"] == "42"
    assert node["outputs"]["exitCode"] == "0"
    controller.end()
    assert controller.task_set["metadata"]["labels"] == {"workflows.argoproj.io/completed": "true"}
    assert controller.task_set["spec"]["tasks"] == controller.results == {}
    await quiet()
    assert [list(patch) for patch in controller.accepted] == [["wf-1"]]


async def test_2_the_same_news_again_and_again_run_it_once(
    bench: Bench, controller: Controller, cluster: FakeCluster
) -> None:
    await bench.start()
    controller.add("wf-1", say("sleep 2; echo 1"))
    controller.operate()
    await _running(bench)
    for turn in range(5):
        controller.operate()
        cluster.close_watches()
        if turn == 2:
            cluster.store.forget_history()
        await quiet(0.05)
    await bench.operated(controller, "wf-1")
    assert len(await bench.pods()) == 1
    assert {node for patch in controller.patches for node in patch} == {"wf-1"}


@pytest.mark.parametrize("moment", ["while-it-runs", "before-it-is-posted"])
async def test_3_an_agent_that_is_killed_runs_nothing_twice(
    bench: Bench, controller: Controller, cluster: FakeCluster, moment: str
) -> None:
    await bench.start()
    controller.add("wf-1", say("sleep 2; echo 1"))
    if moment == "before-it-is-posted":
        cluster.fail(503, "patch", "workflowtasksets", times=10_000)
    controller.operate()
    await _running(bench)
    if moment == "before-it-is-posted":
        await _all_ended(bench)
        await quiet()
    await bench.stop()
    cluster.faults.clear()
    await _all_ended(bench)
    await bench.start()
    await bench.operated(controller, "wf-1")
    assert controller.nodes["wf-1"]["outputs"]["result"] == "1"
    assert len(await bench.pods()) == 1


async def test_4_a_task_that_is_taken_out_is_killed_in_silence(
    bench: Bench, controller: Controller
) -> None:
    await bench.start()
    controller.add("wf-1", say("sleep 600"))
    controller.operate()
    await _running(bench)
    controller.withdraw("wf-1")
    await _all_ended(bench)
    await quiet()
    assert controller.patches == []


async def test_5_a_deleted_workflow_is_killed_and_its_namesake_runs_anew(
    bench: Bench, controller: Controller, cluster: FakeCluster
) -> None:
    await bench.start()
    controller.add("wf-1", say("sleep 600"))
    controller.operate()
    await _running(bench)
    controller.delete()
    await _all_ended(bench)
    await quiet()
    assert controller.patches == []
    again = Controller(cluster)
    again.add("wf-1", say("echo 2"))
    again.operate()
    await bench.operated(again, "wf-1")
    assert again.nodes["wf-1"]["outputs"]["result"] == "2"
    assert len(await bench.pods()) == 2


async def test_6_a_controller_without_the_rule_is_cleaned_up_after(
    bench: Bench, cluster: FakeCluster
) -> None:
    controller = Controller(cluster, may_patch_status=False)
    await bench.start()
    controller.add("wf-1", say("echo 1"))
    controller.add("wf-2", say("sleep 600"))
    controller.operate()
    await bench.operated(controller, "wf-1")
    await until(lambda: controller.patches[-1] == {"wf-1": None})
    assert controller.results == {}
    assert set(controller.task_set["spec"]["tasks"]) == {"wf-1", "wf-2"}
    await _running(bench)
    controller.end("Failed")  # the label never comes: the workflow itself tells
    await _all_ended(bench)
    await quiet()
    result, *others = controller.patches
    assert result["wf-1"]["phase"] == "Succeeded"
    assert {(node, str(one)) for patch in others for node, one in patch.items()} <= {
        ("wf-1", "None"),
        ("wf-1", str(result["wf-1"])),
    }
    assert controller.accepted[-1] == {"wf-1": None}
    controller.retry("wf-2")
    await _running(bench)
    assert len(await bench.pods()) == 3, "what has succeeded is not run again"


async def test_7_a_task_that_comes_back_is_told_again_or_run_again(
    bench: Bench, controller: Controller
) -> None:
    agent = await bench.start()
    key = Key(controller.uid, "wf-1")
    controller.add("wf-1", say("echo 1; exit 3"))
    controller.operate()
    await bench.operated(controller, "wf-1")
    await until(lambda: bool((known := agent.ledger.get(key)) and known.removed))
    # The controller took it out and then failed to write the workflow.
    controller.nodes["wf-1"]["phase"] = "Pending"
    controller.operate()
    await bench.operated(controller, "wf-1")
    assert controller.nodes["wf-1"]["message"].startswith("main: Error (exit code 3)")
    assert len(await bench.pods()) == 1
    controller.end("Failed")
    await until(lambda: bool((known := agent.ledger.get(key)) and known.completed))
    controller.retry("wf-1")
    await bench.operated(controller, "wf-1")
    assert controller.nodes["wf-1"]["phase"] == "Failed"
    assert len(await bench.pods()) == 2


async def test_8_what_is_not_ours_is_left_alone(bench: Bench, controller: Controller) -> None:
    await bench.start()
    controller.add("wf-1", {"name": "a", "resource": {"action": "get"}})
    controller.add("wf-2", {"name": "b", "plugin": {"other": {}}})
    controller.add("wf-3", {"name": "c", "unheard": {}})
    controller.add("wf-4", say("echo 1"))
    controller.operate()
    await bench.operated(controller, "wf-4")
    await quiet()
    assert {node for patch in controller.patches for node in patch} == {"wf-4"}
    assert controller.nodes["wf-1"]["phase"] == "Pending"


async def test_9_an_http_task_is_served(
    bench: Bench, controller: Controller, web: HttpServer
) -> None:
    await bench.start()
    condition = 'response.statusCode == 201 && response.body contains "made"'
    http: dict[str, Any] = {"url": f"{web.url}/made", "method": "POST", "body": "x"}
    controller.add("wf-1", {"name": "a", "http": http | {"successCondition": condition}})
    controller.add("wf-2", {"name": "b", "http": {"url": f"{web.url}/teapot"}})
    controller.operate()
    await bench.operated(controller, "wf-1", "wf-2")
    assert controller.nodes["wf-1"]["phase"] == "Succeeded"
    assert controller.nodes["wf-1"]["outputs"]["result"] == "made x"
    assert controller.nodes["wf-2"]["phase"] == "Failed"
    assert controller.nodes["wf-2"]["message"] == "received non-2xx response code: 418"


@pytest.mark.parametrize("code", [403, 409, 410, 413, 422, 429, 500, 503, 0])
async def test_10_a_refused_patch_is_no_hot_loop(
    bench: Bench, controller: Controller, cluster: FakeCluster, code: int
) -> None:
    await bench.start()
    controller.add("wf-1", say("echo 1"))
    times = 10_000 if code in (403, 409) else 1
    fault = cluster.fail(code, "patch", "workflowtasksets", times=times, retry_after=1)
    controller.operate()
    await until(lambda: fault.times < times)
    begun = time.monotonic()
    before = len(controller.patches)
    await quiet(1.0)
    rate = (len(controller.patches) - before) / (time.monotonic() - begun)
    assert rate <= 6
    if code == 403:
        assert rate <= 1
        return
    cluster.faults.clear()
    await bench.operated(controller, "wf-1")
    assert controller.nodes["wf-1"]["phase"] == ("Error" if code == 422 else "Succeeded")
    assert len(await bench.pods()) == 1


async def test_10_rights_that_are_gone_for_a_while_end_no_agent(
    bench: Bench, controller: Controller, cluster: FakeCluster
) -> None:
    await bench.start()
    controller.add("wf-1", say("echo 1"))
    controller.operate()
    await bench.operated(controller, "wf-1")
    cluster.rbac = True
    before = len(cluster.calls("watch"))
    cluster.close_watches()
    await until(lambda: len(cluster.calls("watch")) > before)
    await quiet()
    cluster.rbac = False
    controller.add("wf-2", say("echo 2"))
    controller.operate()
    await bench.operated(controller, "wf-2")


async def test_10_one_result_that_is_refused_does_not_stop_the_others(
    bench: Bench, controller: Controller
) -> None:
    await bench.start()
    bad = {"parameters": [{"name": "no spaces please", "value": "1"}]}
    controller.add("wf-1", say("echo 1", outputs=bad))
    for number in range(2, 8):
        controller.add(f"wf-{number}", say("echo 1"))
    controller.operate()
    await bench.operated(controller, *controller.nodes)
    phases = {node: one["phase"] for node, one in controller.nodes.items()}
    assert phases == {"wf-1": "Error"} | {f"wf-{number}": "Succeeded" for number in range(2, 8)}
    assert "Argo refused the result" in controller.nodes["wf-1"]["message"]


@pytest.mark.parametrize(
    ("own", "theirs", "served"), [("a", "a", 1), ("a", "b", 0), ("a", "", 0), ("", "b", 0)]
)
async def test_11_only_tasks_of_the_own_controller_are_run(
    bench: Bench, cluster: FakeCluster, own: str, theirs: str, served: int
) -> None:
    bench.set(instance_id=own)
    await bench.start()
    controller = Controller(cluster, instance=theirs)
    controller.add("wf-1", say("sleep 600"))
    controller.operate()
    await (_running(bench) if served else quiet())
    assert len(await bench.pods()) == served


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"timeout": "1s"}, "timed out after 1.0s"),
        ({"activeDeadlineSeconds": 1}, "Pod was active longer than 1 s"),
        ({"activeDeadlineSeconds": "1"}, "Pod was active longer than 1 s"),
    ],
)
async def test_12_a_templates_own_limits_hold(
    bench: Bench, controller: Controller, limit: dict[str, Any], message: str
) -> None:
    await bench.start()
    controller.add("wf-1", say("sleep 600", **limit))
    controller.operate()
    await bench.operated(controller, "wf-1")
    assert controller.nodes["wf-1"]["phase"] == "Failed"
    assert message in controller.nodes["wf-1"]["message"]
    await _all_ended(bench)


async def test_12_a_task_ends_at_its_workflows_deadline(bench: Bench, cluster: FakeCluster) -> None:
    await bench.start()
    # The task has to begin before it.
    started = (datetime.now(UTC) - timedelta(seconds=57)).isoformat()
    controller = Controller(cluster, activeDeadlineSeconds=60, started=started)
    controller.add("wf-1", say("sleep 600"))
    controller.operate()
    await bench.operated(controller, "wf-1")
    node = controller.nodes["wf-1"]
    assert (node["phase"], node["message"]) == ("Failed", "Step exceeded its deadline")
    await _all_ended(bench)


async def test_12_a_time_limit_holds_while_the_executor_is_away(
    bench: Bench, controller: Controller
) -> None:
    await bench.start()
    bench.away = True
    controller.add("wf-1", say("sleep 600", timeout="1s"))
    controller.operate()
    await bench.operated(controller, "wf-1")
    assert controller.nodes["wf-1"]["phase"] in ("Failed", "Error")


async def test_13_many_results_of_one_workflow_go_together(
    bench: Bench, controller: Controller
) -> None:
    await bench.start()
    nodes = [f"wf-{number}" for number in range(200)]
    for number, node in enumerate(nodes):
        controller.add(node, say(f"echo {number}"))
    controller.operate()
    begun = time.monotonic()
    await bench.operated(controller, *nodes)
    took = time.monotonic() - begun
    results = [controller.nodes[node]["outputs"]["result"] for node in nodes]
    assert results == [str(number) for number in range(200)]
    assert len(controller.patches) <= took * 5 + 2
    assert len(await bench.pods()) == 200


async def test_13_a_task_set_stays_within_what_etcd_takes(
    bench: Bench, controller: Controller
) -> None:
    await bench.start()
    for number in range(12):
        template = say("fill 3000 100")  # 300,000 bytes of numbers, no JSON as a whole
        template["plugin"]["argoexec"]["result"] = "text"
        controller.add(f"wf-{number}", template)
    controller.operate()
    largest = 0

    def done() -> bool:
        nonlocal largest
        largest = max(largest, len(str(controller.task_set)))
        controller.operate()
        return all(one["phase"] == "Succeeded" for one in controller.nodes.values())

    await until(done)
    assert largest < 1_300_000
    for one in controller.nodes.values():
        assert len(one["outputs"]["result"]) == 262_144
        assert one["outputs"]["result"].endswith("2999")


async def test_a_stopped_workflow_keeps_its_exit_handlers(
    bench: Bench, controller: Controller
) -> None:
    await bench.start()
    controller.add("wf-1", say("sleep 600"))
    controller.operate()
    await _running(bench)
    controller.stop()
    controller.add("wf-exit", say("sleep 0.3; echo 1"))
    controller.operate()
    await until(lambda: "wf-exit" in controller.results)
    await _all_ended(bench)
    assert controller.results["wf-exit"]["phase"] == "Succeeded"
    assert {node for patch in controller.patches for node in patch} == {"wf-exit"}


async def test_a_stopped_workflow_is_noticed_where_nothing_is_taken_out(
    bench: Bench, cluster: FakeCluster
) -> None:
    controller = Controller(cluster, may_patch_status=False)
    await bench.start()
    controller.add("wf-1", say("sleep 600"))
    controller.operate()
    await _running(bench)
    controller.stop("Terminate")
    await _all_ended(bench)
    await quiet()
    assert controller.patches == []


async def test_a_deleted_workflow_is_noticed_before_its_task_set_is_collected(
    bench: Bench, controller: Controller, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.start()
    controller.add("wf-1", say("sleep 30"))
    controller.operate()
    await _running(bench)
    monkeypatch.setattr(cluster.store, "_collect", lambda uid: None)
    controller.delete()
    await _all_ended(bench)
    await quiet()
    assert controller.task_set
    assert controller.patches == []


async def test_what_an_ended_workflow_left_behind_is_not_run(
    bench: Bench, cluster: FakeCluster
) -> None:
    controller = Controller(cluster, may_patch_status=False)
    controller.add("wf-1", say("echo 1"))
    controller.operate()
    controller.end("Failed")
    await bench.start()
    await quiet()
    assert await bench.pods() == []
    assert controller.patches == []


async def test_a_new_agent_takes_over_what_another_has_posted(
    bench: Bench, controller: Controller, tmp_path: Path
) -> None:
    controller.add("wf-1", say("echo 1"))
    controller.operate()
    found = controller.task_set
    controller.cluster.add(
        TASK_SETS, found | {"status": {"nodes": {"wf-1": {"phase": "Succeeded"}}}}
    )
    await bench.start()
    await quiet()
    assert await bench.pods() == []


async def test_what_left_while_no_agent_was_there_is_ended(
    bench: Bench, controller: Controller
) -> None:
    await bench.start()
    controller.add("wf-1", say("sleep 600"))
    controller.operate()
    await _running(bench)
    await bench.stop()
    controller.delete()
    await bench.start()
    await _all_ended(bench)
    assert controller.patches == []


async def test_a_workflows_parallelism_counts(bench: Bench, cluster: FakeCluster) -> None:
    controller = Controller(cluster, parallelism=2)
    await bench.start()
    for number in range(5):
        controller.add(f"wf-{number}", say("sleep 0.6; echo 1"))
    controller.operate()
    most = 0
    while not all(one["phase"] == "Succeeded" for one in controller.nodes.values()):
        most = max(most, sum(not one.pod.status.terminal for one in await bench.pods()))
        controller.operate()
        await asyncio.sleep(0.02)
    assert most == 2


async def test_a_task_set_that_is_completed_is_not_worked_on(
    bench: Bench, controller: Controller
) -> None:
    await bench.start()
    controller.add("wf-1", say("sleep 600"))
    controller.operate()
    await _running(bench)
    found = controller.task_set
    found["metadata"]["labels"] = {"workflows.argoproj.io/completed": "true"}
    controller.cluster.add(TASK_SETS, found)
    await _all_ended(bench)
    await quiet()
    assert controller.patches == []
    assert len(await bench.pods()) == 1


async def test_health_says_whether_everything_was_seen(bench: Bench) -> None:
    health = Health()
    async with health_server(health, "127.0.0.1", 0) as port, ClientSession() as http:

        async def ready() -> tuple[int, Any]:
            async with http.get(f"http://127.0.0.1:{port}/readyz") as reply:
                return reply.status, await reply.json()

        assert await ready() == (503, {"ready": False, "leads": False})
        health.standing_by = True
        assert await ready() == (200, {"ready": True, "leads": False})
        health.agent = await bench.start()
        seen = {"ready": True, "leads": True, "taskSets": 0, "running": 0}
        assert await ready() == (200, seen)


async def test_what_a_pod_refers_to_travels_with_it(
    bench: Bench, controller: Controller, cluster: FakeCluster
) -> None:
    cluster.add(CONFIG_MAPS, {"metadata": {"name": "c"}, "data": {"k": "1"}}, namespace="argo")
    secret = {"metadata": {"name": "s"}, "type": "Opaque", "data": {"k": "Mg=="}}
    cluster.add(SECRETS, secret, namespace="argo")
    await bench.start()
    template = say("echo $(A)$(B)")
    env = [
        {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
    ]
    template["plugin"]["argoexec"]["container"]["env"] = env
    controller.add("wf-1", template)
    controller.operate()
    await bench.operated(controller, "wf-1")
    assert controller.nodes["wf-1"]["outputs"]["result"] == "12"


async def test_what_may_not_be_read_is_an_error_that_says_so(
    bench: Bench, controller: Controller, cluster: FakeCluster
) -> None:
    await bench.start()
    cluster.fail(403, "get", "configmaps")
    template = say("echo 1")
    refs = [{"configMapRef": {"name": "c"}}]
    template["plugin"]["argoexec"]["container"]["envFrom"] = refs
    controller.add("wf-1", template)
    controller.operate()
    await bench.operated(controller, "wf-1")
    node = controller.nodes["wf-1"]
    assert node["phase"] == "Error"
    assert node["message"] == "may not get configmaps c in namespace argo"


async def test_a_wrong_template_is_an_error_at_once(bench: Bench, controller: Controller) -> None:
    agent = await bench.start()
    controller.add("wf-1", {"name": "a", "plugin": {"argoexec": {"contianer": {}}}})
    controller.operate()
    await bench.operated(controller, "wf-1")
    node = controller.nodes["wf-1"]
    assert node["phase"] == "Error"
    assert node["message"] == "plugin.argoexec.contianer is not supported"
    entry = agent.ledger.get(Key(controller.uid, "wf-1"))
    assert entry is not None
    assert not entry.accepted
