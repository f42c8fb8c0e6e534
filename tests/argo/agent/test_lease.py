"""Leader election."""

from __future__ import annotations

import asyncio
import time

import pytest

from argoexec_cli.argo.agent.lease import Lease, Pace
from argoexec_cli.errors import DeniedError
from argoexec_cli.kube.client import KubeClient
from argoexec_cli.kube.resources import LEASES
from tests.argo.agent.bench import until
from tests.kube.cluster import FakeCluster

PACE = Pace(lease_s=30.0, give_up_s=20.0, try_s=0.1)
SHORT = Pace(lease_s=3.0, give_up_s=2.0, try_s=0.1)


class Candidate:
    """One that runs for the lease, and notes when it works."""

    def __init__(self, kube: KubeClient, name: str, pace: Pace = PACE) -> None:
        """Stand for election."""
        self.working = False
        self.times = 0
        self._lease = Lease(kube, "argo", "agent", name, pace)
        self._task = asyncio.create_task(self._lease.lead(self._work), name=name)

    async def stop(self) -> None:
        """Give up."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def failed(self) -> BaseException | None:
        """Return what it ended with."""
        (found,) = await asyncio.gather(self._task, return_exceptions=True)
        return found

    async def _work(self) -> None:
        self.working, self.times = True, self.times + 1
        try:
            await asyncio.Event().wait()
        finally:
            self.working = False


async def test_one_works_and_the_next_takes_over_when_it_gives_up(
    kube: KubeClient, cluster: FakeCluster
) -> None:
    one = Candidate(kube, "one")
    await until(lambda: one.working)
    two = Candidate(kube, "two")
    await asyncio.sleep(0.5)
    assert (one.working, two.working) == (True, False)
    await one.stop()
    await until(lambda: two.working)
    spec = cluster.object(LEASES, "agent", "argo")["spec"]
    assert (spec["holderIdentity"], spec["leaseTransitions"]) == ("two", 1)
    await two.stop()


async def test_who_cannot_renew_stops_before_another_begins(
    kube: KubeClient, cluster: FakeCluster
) -> None:
    one = Candidate(kube, "one", SHORT)
    await until(lambda: one.working)
    cluster.fail(503, "patch", "leases", times=10_000)
    await until(lambda: not one.working)
    found = cluster.object(LEASES, "agent", "argo")
    assert found["spec"]["holderIdentity"] == "one"
    cluster.faults.clear()
    await until(lambda: one.working)
    assert one.times == 2
    await one.stop()


@pytest.mark.parametrize("code", [403, 409, 503])
async def test_a_renewal_that_fails_is_tried_again_while_there_is_time(
    kube: KubeClient, cluster: FakeCluster, code: int
) -> None:
    one = Candidate(kube, "one")
    await until(lambda: one.working)
    fault = cluster.fail(code, "patch", "leases", times=3)
    await until(lambda: fault.times == 0)
    renewals = len(cluster.calls("patch", "leases"))
    await until(lambda: len(cluster.calls("patch", "leases")) > renewals)
    assert (one.working, one.times) == (True, 1)
    await one.stop()


async def test_who_finds_another_leading_stops_at_once(
    kube: KubeClient, cluster: FakeCluster
) -> None:
    one = Candidate(kube, "one")
    await until(lambda: one.working)
    found = cluster.object(LEASES, "agent", "argo")
    found["spec"]["holderIdentity"] = "two"
    cluster.add(LEASES, found)
    begun = time.monotonic()
    await until(lambda: not one.working)
    assert time.monotonic() - begun < PACE.give_up_s
    await one.stop()


async def test_a_dead_leaders_lease_runs_out(kube: KubeClient, cluster: FakeCluster) -> None:
    dead = {"holderIdentity": "dead", "leaseDurationSeconds": 2}
    cluster.add(LEASES, {"metadata": {"name": "agent"}, "spec": dead}, namespace="argo")
    begun = time.monotonic()
    two = Candidate(kube, "two")
    await until(lambda: two.working)
    assert time.monotonic() - begun >= 2
    await two.stop()


async def test_who_may_not_touch_the_lease_says_so(kube: KubeClient, cluster: FakeCluster) -> None:
    cluster.fail(403, "get", "leases", times=10)
    error = await Candidate(kube, "one").failed()
    with pytest.raises(DeniedError, match="may not get leases agent"):
        raise error or AssertionError
