"""Sidecars: there for as long as a main container is, whatever ends the pod or the executor."""

from __future__ import annotations

import msgspec
import pytest

from argoexec_cli.executors.local.manager import LocalExecutor
from argoexec_cli.models.pod import Container, PodSpec
from argoexec_cli.models.record import PodRecord, PodRequest
from argoexec_cli.models.status import ContainerStateTerminated
from argoexec_cli.runtime.base import Runtime
from tests.executors.local.faults import FlakyRuntime
from tests.executors.local.opening import Opener
from tests.executors.pods import container, ended, request, running, until

STUBBORN = "trap '' TERM; sleep 60"


def pod(main: str, *sidecars: Container, deadline: int | None = None) -> PodRequest:
    beside = tuple(msgspec.structs.replace(one, restart_policy="Always") for one in sidecars)
    spec = PodSpec(
        containers=(container(main),),
        init_containers=beside,
        active_deadline_seconds=deadline,
        termination_grace_period_seconds=1,
    )
    return request(spec=spec)


def made_flaky(opener: Opener) -> list[FlakyRuntime]:
    """Put one around the runtime of the next executor; it is in the list once that is open."""
    made: list[FlakyRuntime] = []

    def wrap(runtime: Runtime) -> Runtime:
        made.append(FlakyRuntime(runtime))
        return made[-1]

    opener.wrap = wrap
    return made


def states(record: PodRecord) -> dict[str, ContainerStateTerminated]:
    status = record.pod.status
    found = {
        one.name: one.state.terminated
        for one in (*status.init_container_statuses, *status.container_statuses)
    }
    return {name: state for name, state in found.items() if state}


@pytest.mark.parametrize("deadline", [None, 1], ids=["stop", "deadline"])
async def test_the_end_of_a_pod_comes_to_its_sidecars_last(
    executor: LocalExecutor, deadline: int | None
) -> None:
    """The last of them first, and within the same grace period: what is late is killed."""
    sidecars = (container("sleep 60", "one"), container(STUBBORN, "two"))
    ref = (await executor.run_pod(pod(STUBBORN, *sidecars, deadline=deadline))).ref
    await running(executor, ref)
    if deadline is None:
        await executor.stop_pod(ref, 0.3)
    record = await ended(executor, ref)
    over = states(record)
    times = [over[name].finished_at for name in ("main", "two", "one")]
    assert times == sorted(times, key=lambda time: time.timestamp() if time else 0.0)
    assert [over[name].exit_code for name in ("main", "two")] == [137, 137]
    killed = [event.container for event in record.events if event.reason == "Killing"]
    assert list(dict.fromkeys(killed)) == ["main", "two", "one"]


async def test_a_shorter_grace_period_reaches_a_sidecar_that_ends_by_itself(
    executor: LocalExecutor,
) -> None:
    wanted = pod("sleep 0.1", container(STUBBORN, "side"))
    spec = msgspec.structs.replace(wanted.pod.spec, termination_grace_period_seconds=3600)
    ref = (await executor.run_pod(request(spec=spec))).ref
    await until(executor, ref, lambda one: "main" in states(one))
    await executor.stop_pod(ref, 0.1)
    record = await ended(executor, ref)
    assert record.pod.status.phase == "Succeeded"
    assert states(record)["side"].exit_code == 137


async def test_a_sidecar_that_has_not_begun_does_not_when_the_pod_is_to_end(
    opener: Opener,
) -> None:
    flaky = made_flaky(opener)
    executor = await opener.open()
    flaky[0].faults["start"] = 1_000_000
    ref = (await executor.run_pod(pod("sleep 60", container("sleep 60", "side")))).ref
    await until(executor, ref, lambda one: any(e.reason == "Retrying" for e in one.events))
    await executor.stop_pod(ref, 0.0)
    flaky[0].faults["start"] = 0
    record = await ended(executor, ref)
    assert record.pod.status.reason == "Stopped"
    assert "main" not in states(record)


async def test_a_main_container_is_followed_by_the_next_executor_whatever_its_sidecar_does(
    opener: Opener,
) -> None:
    """One that waits for its restart when the executor ends, and has no image afterwards."""
    opener.set(restart_backoff_s=(3600.0, 3600.0))
    executor = await opener.open()
    ref = (await executor.run_pod(pod("sleep 3; exit 3", container("exit 1", "side")))).ref
    await until(
        executor,
        ref,
        lambda one: (
            one.pod.status.phase == "Running"
            and one.pod.status.init_container_statuses[0].restart_count == 2
        ),
    )
    flaky = made_flaky(opener)
    executor = await opener.open()
    flaky[0].faults["pull"] = 1_000_000
    record = await ended(executor, ref)
    assert (record.pod.status.phase, record.pod.status.reason) == ("Failed", "")
    assert states(record)["main"].exit_code == 3
