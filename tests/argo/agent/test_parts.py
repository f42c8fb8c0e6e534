"""The agent's parts that need no cluster."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argoexec_cli.argo.agent.deciding import Do, absent, decide
from argoexec_cli.argo.agent.gate import Gate, Precedence
from argoexec_cli.argo.agent.ledger import Entry, Key, Ledger
from argoexec_cli.argo.agent.objects import (
    TaskSet,
    instance_selector,
    is_absorbed,
    read_task_set,
    read_workflow,
)
from argoexec_cli.argo.agent.sizing import PATCH_LIMIT, fitting, size_of

SET = TaskSet("argo", "wf", "u", "1", {"n": {}}, {}, False, 100)


def entry(**fields: Any) -> Entry:
    """Return an entry."""
    given_ = {"uid": "u", "node": "n", "namespace": "argo", "workflow": "wf"} | fields
    return Entry(template={}, started=1.0, **given_)


@pytest.mark.parametrize(
    ("known", "do"),
    [
        (None, Do.START),
        (entry(), Do.GO_ON),
        (entry(result={"phase": "Failed"}), Do.POST),
        (entry(result={"phase": "Failed"}, posted=True), Do.NOTHING),
        (entry(result={"phase": "Failed"}, silent=True), Do.NOTHING),
        (entry(result={"phase": "Failed"}, posted=True, removed=True), Do.POST),
        (entry(result={"phase": "Failed"}, posted=True, removed=True, completed=True), Do.START),
        (entry(result={"phase": "Failed"}, posted=True, completed=True), Do.START),
        (entry(result={"phase": "Succeeded"}, posted=True, completed=True), Do.NOTHING),
        (entry(result={"phase": "Succeeded"}, removed=True, completed=True), Do.START),
    ],
)
def test_what_to_do_with_a_task_that_is_there(known: Entry | None, do: Do) -> None:
    assert decide(known, SET, "n") is do


def test_a_task_that_left_is_ended_once_and_remembered() -> None:
    do, seen = absent(entry(), completed=False)
    assert (do, seen.removed, seen.completed) == (Do.WITHDRAW, True, False)
    do, seen = absent(msgspec.structs.replace(seen, result={}), completed=True)
    assert (do, seen.completed) == (Do.NOTHING, True)


def test_a_task_set_is_known_by_its_workflow() -> None:
    owner = {"kind": "Workflow", "uid": "wf-uid"}
    meta = {"name": "wf", "namespace": "argo", "uid": "own", "resourceVersion": "7"}
    labels = {"workflows.argoproj.io/completed": "true"}
    found = read_task_set(
        {
            "metadata": meta | {"ownerReferences": [owner], "labels": labels},
            "spec": {"tasks": {"a": {}, "b": None}},
        }
    )
    assert (found.uid, found.version, found.completed) == ("wf-uid", "7", True)
    assert set(found.tasks) == {"a"}
    assert read_task_set({"metadata": meta}).uid == "own"


def test_what_a_workflow_says_of_its_end() -> None:
    def facts(spec: dict[str, Any], status: dict[str, Any]) -> tuple[bool, bool]:
        found = read_workflow({"metadata": {"uid": "u"}, "spec": spec, "status": status})
        return found.stopping, found.over

    assert facts({}, {"phase": "Running"}) == (False, False)
    assert facts({"shutdown": "Stop"}, {}) == (True, False)
    assert facts({"shutdown": "Terminate"}, {}) == (False, True)
    assert facts({}, {"phase": "Failed"}) == (False, True)
    timed = {"startedAt": "1970-01-01T00:01:00Z"}
    found = read_workflow(
        {"metadata": {"uid": "u"}, "spec": {"activeDeadlineSeconds": 30}, "status": timed}
    )
    assert found.deadline == 90.0


def test_only_what_a_workflow_shows_counts_as_taken_over() -> None:
    def of(**status: Any) -> bool:
        return is_absorbed({"status": status}, "n")

    assert of(nodes={"n": {"phase": "Failed"}})
    assert not of(nodes={"n": {"phase": "Pending"}})
    assert not of(compressedNodes="H4sI")
    assert of(compressedNodes="H4sI", phase="Succeeded")


def test_an_instance_is_selected_by_its_label_or_by_its_lack() -> None:
    assert instance_selector("") == "!workflows.argoproj.io/controller-instanceid"
    assert instance_selector("a") == "workflows.argoproj.io/controller-instanceid=a"


async def test_the_ledger_knows_what_an_earlier_one_wrote(tmp_path: Path) -> None:
    first = Ledger(tmp_path / "dir" / "a.db")
    await first.load()
    await first.save(entry())
    await first.change(Key("u", "n"), accepted=True)
    assert await first.change(Key("u", "none"), accepted=True) is None
    await first.close()
    second = Ledger(tmp_path / "dir" / "a.db")
    await second.load()
    (found,) = second.of("u")
    assert found == entry(accepted=True)
    assert await second.forget_before(2**40) == 0
    await second.change(Key("u", "n"), removed=True)
    assert await second.forget_before(2**40) == 1
    assert second.all() == []
    await second.close()


async def test_the_gate_lets_in_as_many_as_it_may() -> None:
    limits: dict[str, int] = {"a": 1}
    gate = Gate(3, limits.get)
    inside: list[str] = []
    go = asyncio.Event()

    async def enter(uid: str) -> None:
        async with gate.inside(uid):
            inside.append(uid)
            await go.wait()

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(enter(uid)) for uid in "aabbbb"]
        await asyncio.sleep(0.01)
        assert inside == ["a", "b", "b"]
        tasks[1].cancel()
        await asyncio.sleep(0.01)
        assert len(inside) == 3
        go.set()
    assert sorted(inside) == ["a", "b", "b", "b", "b"]


_RESULT = st.fixed_dictionaries(
    {"phase": st.just("Succeeded"), "message": st.text(max_size=20)},
    optional={
        "outputs": st.fixed_dictionaries(
            {"exitCode": st.just("0")},
            optional={
                "result": st.integers(0, 300_000).map(lambda size: "é\n" * (size // 2)),
                "artifacts": st.integers(0, 5000).map(
                    lambda size: [{"name": "main-logs", "raw": {"data": "x" * size}}]
                ),
            },
        )
    },
)


@given(
    st.dictionaries(st.text("ab", min_size=1), st.one_of(st.none(), _RESULT), max_size=6),
    st.integers(0, 1 << 20),
    st.booleans(),
)
def test_what_is_chosen_fits(results: dict[str, Any], room: int, hurry: bool) -> None:
    chosen = fitting(results, room, hurry=hurry)
    assert set(chosen) <= set(results)
    sizes = [size_of(one) for one in chosen.values() if one is not None]
    assert sum(sizes) <= max(min(room, PATCH_LIMIT), 1024 if hurry else 0)
    if hurry and results:
        assert chosen, "in a hurry something always goes"


async def test_others_wait_for_who_comes_first_but_not_for_ever() -> None:
    first = Precedence()
    await first.let_pass(60)
    with first.inside():
        with first.inside():
            await first.let_pass(0.01)
        waiting = asyncio.create_task(first.let_pass(60))
        await asyncio.sleep(0.01)
        assert not waiting.done()
    async with asyncio.timeout(60):
        await waiting
