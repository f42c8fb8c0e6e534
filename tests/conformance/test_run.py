"""Running cases: what fails is told, what cannot run here is not called a failure."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from argoexec_cli.conformance.case import Case
from argoexec_cli.conformance.run import Pace, Result, run_cases
from argoexec_cli.executors.local.manager import LocalExecutor
from argoexec_cli.models.base import decode
from argoexec_cli.models.record import PodQuery, PodRecord, PodRequest
from tests.executors.local.conftest import engine, executor, opener
from tests.executors.local.opening import Opener
from tests.executors.pods import eventually

__all__ = ["engine", "executor", "opener"]


class Here:
    """A place with an executor that is open."""

    here = True

    def __init__(self, executor: LocalExecutor, opener: Opener | None = None) -> None:
        """Restart with *opener*, or not at all."""
        self.executor = executor
        self.restarts = opener is not None
        self._opener = opener

    async def restart(self) -> None:
        """Open it again."""
        assert self._opener is not None
        self.executor = await self._opener.open()


def case(script: str = "true", **fields: Any) -> Case:
    """Return a case of one container that the fake can run."""
    spec = {"containers": [{"name": "main", "command": ["sh", "-c", script]}]}
    return decode({"name": "x", "needs": [], "pod": {"spec": spec}} | fields, Case)


async def outcome(place: Here, one: Case) -> Result:
    (result,) = await run_cases([one], place, image="busybox")
    return result


async def test_a_case_that_fits_is_ok_and_leaves_nothing(executor: LocalExecutor) -> None:
    result = await outcome(Here(executor), case("echo 1", expect={"logs": {"main": "1\n"}}))
    assert (result.state, result.why) == ("ok", ())
    assert not (await executor.list_pods(PodQuery())).records


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"expect": {"logs": {"main": "2\n"}}}, r"log of main: expected '2\n', found ''"),
        ({"expect": {"gone": True}}, "is still there"),
        ({"expect": {"refused": {}}}, "INVALID_ARGUMENT expected, but it was accepted"),
        ({"pod": {"spec": {"containers": []}}}, "INVALID_ARGUMENT: spec.containers: at least one"),
        ({"steps": [{"do": "wait", "log": "never"}]}, "main never wrote 'never'"),
        ({"steps": [{"do": "wait", "restarts": 1}]}, "the pod ended before the step"),
    ],
)  # fmt: skip
async def test_a_failure_says_why(
    executor: LocalExecutor, fields: dict[str, Any], why: str
) -> None:
    result = await outcome(Here(executor), case(**fields))
    assert result.state == "failed"
    assert why in "\n".join(result.why)
    assert not (await executor.list_pods(PodQuery())).records


async def test_what_the_executor_lacks_is_not_supported(executor: LocalExecutor) -> None:
    result = await outcome(Here(executor), case(needs=["processes"]))
    assert (result.state, result.why) == ("not supported", ("needs processes",))
    unknown = {"containers": [{"name": "main", "livenessProbe": {"exec": {"command": ["x"]}}}]}
    result = await outcome(Here(executor), case(pod={"spec": unknown}))
    assert result.why == ("has no spec.containers[].livenessProbe.exec.command",)


async def test_what_policy_or_place_do_not_allow_is_skipped(executor: LocalExecutor) -> None:
    result = await outcome(Here(executor), case(grants=["privileged"]))
    assert (result.state, result.why) == ("skipped", ("policy does not grant privileged",))
    result = await outcome(Here(executor), case(steps=[{"do": "restart"}]))
    assert result.why == ("would have to restart the executor",)


async def test_an_executor_that_may_be_restarted_is(
    executor: LocalExecutor, opener: Opener
) -> None:
    steps = [{"do": "wait", "log": "up"}, {"do": "restart"}]
    place = Here(executor, opener)
    expect = {"logs": {"main": "up\ndown\n"}}
    result = await outcome(place, case("echo up; sleep 0.3; echo down", steps=steps, expect=expect))
    assert (result.state, result.why) == ("ok", ())
    assert place.executor is not executor


async def test_a_case_has_its_time_and_no_more(executor: LocalExecutor) -> None:
    long = case("sleep 30")
    (result,) = await run_cases([long], Here(executor), image="busybox", pace=Pace(limit_s=0.2))
    assert (result.state, result.why) == ("failed", ("not over after 0.2 s",))


async def test_who_interrupts_leaves_nothing_behind(
    executor: LocalExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor of a case whose pod is just being accepted, and where others wait for their turn."""
    accepting, gate, run_pod = asyncio.Event(), asyncio.Event(), executor.run_pod

    async def slow(request: PodRequest) -> PodRecord:
        if request.pod.metadata.name == "x2":
            accepting.set()
            await gate.wait()
        return await run_pod(request)

    monkeypatch.setattr(executor, "run_pod", slow)
    cases = [msgspec.structs.replace(case("sleep 60"), name=f"x{number}") for number in range(6)]
    running = asyncio.ensure_future(
        run_cases(cases, Here(executor), image="busybox", pace=Pace(at_once=3))
    )
    await accepting.wait()

    async def others_run() -> bool:
        records = (await executor.list_pods(PodQuery())).records
        return [one.pod.status.phase for one in records] == ["Running", "Running"]

    await eventually(others_run)
    running.cancel()
    await asyncio.sleep(0)
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not (await executor.list_pods(PodQuery())).records
