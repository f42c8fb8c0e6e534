"""Following objects through everything that interrupts a watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from argoexec_cli.errors import DeniedError, UnavailableError
from argoexec_cli.kube.client import KubeClient
from argoexec_cli.kube.follow import Change, Follower
from argoexec_cli.kube.resources import CONFIG_MAPS
from tests.kube.cluster import FakeCluster
from tests.kube.cluster.faults import CUT


def thing(name: str, **data: str) -> dict[str, Any]:
    """Return a ConfigMap."""
    return {"metadata": {"name": name}, "data": data}


@pytest_asyncio.fixture
async def changes(kube: KubeClient, cluster: FakeCluster) -> AsyncIterator[AsyncGenerator[Change]]:
    """Give what is reported of a cluster that has one object, past the first SYNCED."""
    cluster.add(CONFIG_MAPS, thing("a"))
    found = Follower(kube, CONFIG_MAPS).changes()
    assert [await show(found), await show(found)] == ["ADDED a", "SYNCED"]
    yield found
    await found.aclose()


async def show(changes: AsyncGenerator[Change]) -> str:
    """Return the next change in words."""
    change = await anext(changes)
    return f"{change.type} {change.object['metadata']['name']}" if change.object else change.type


async def test_every_change_is_reported(
    changes: AsyncGenerator[Change], cluster: FakeCluster
) -> None:
    cluster.add(CONFIG_MAPS, thing("b"))
    assert await show(changes) == "ADDED b"
    cluster.add(CONFIG_MAPS, thing("b", x="1"))
    assert await show(changes) == "MODIFIED b"
    cluster.store.remove(CONFIG_MAPS, "default", "a")
    assert await show(changes) == "DELETED a"


async def test_a_watch_that_ends_is_taken_up_again(
    changes: AsyncGenerator[Change], cluster: FakeCluster
) -> None:
    for name in ("b", "c"):
        cluster.add(CONFIG_MAPS, thing(name))
        assert await show(changes) == f"ADDED {name}"
        cluster.close_watches()
    cluster.add(CONFIG_MAPS, thing("d"))
    assert await show(changes) == "ADDED d"
    assert len(cluster.calls("list")) == 1, "it was listed again"


async def test_a_forgotten_version_is_listed_again_and_misses_nothing(
    changes: AsyncGenerator[Change], cluster: FakeCluster
) -> None:
    cluster.add(CONFIG_MAPS, thing("b"))
    assert await show(changes) == "ADDED b"
    with cluster.store.lock:
        cluster.store.remove(CONFIG_MAPS, "default", "a")
        cluster.add(CONFIG_MAPS, thing("b", x="1"), thing("c"))
        cluster.store.forget_history()
    got = [await show(changes) for _ in range(4)]
    assert got == ["DELETED a", "MODIFIED b", "ADDED c", "SYNCED"]


async def test_one_that_was_made_anew_meanwhile_is_another_one(
    changes: AsyncGenerator[Change], cluster: FakeCluster
) -> None:
    with cluster.store.lock:
        cluster.store.remove(CONFIG_MAPS, "default", "a")
        cluster.add(CONFIG_MAPS, thing("a"))
        cluster.store.forget_history()
    assert [await show(changes) for _ in range(3)] == ["DELETED a", "ADDED a", "SYNCED"]


@pytest.mark.parametrize("code", [500, 503, 429, CUT])
async def test_a_server_that_is_away_is_waited_for(
    changes: AsyncGenerator[Change], cluster: FakeCluster, code: int
) -> None:
    cluster.add(CONFIG_MAPS, thing("b"))
    assert await show(changes) == "ADDED b"
    cluster.fail(code, "watch", times=2)
    cluster.close_watches()
    cluster.add(CONFIG_MAPS, thing("c"))
    assert await show(changes) == "ADDED c"


async def test_waiting_gets_longer_and_keeps_to_what_the_server_wants(
    kube: KubeClient, cluster: FakeCluster
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    cluster.fail(503, "watch", times=8)
    cluster.fail(429, "watch", times=1, retry_after=5)
    changes = Follower(kube, CONFIG_MAPS, sleep=sleep).changes()
    assert await show(changes) == "SYNCED"
    cluster.add(CONFIG_MAPS, thing("a"))
    assert await show(changes) == "ADDED a"
    await changes.aclose()
    assert 6.4 <= slept[6] <= 12.8 and max(slept) <= 30, slept
    assert slept[8] >= 5


async def test_the_first_listing_raises_what_it_meets(
    kube: KubeClient, cluster: FakeCluster
) -> None:
    cluster.fail(503, "list")
    with pytest.raises(UnavailableError):
        await anext(Follower(kube, CONFIG_MAPS).changes())


async def test_losing_the_right_to_watch_ends_it(
    changes: AsyncGenerator[Change], cluster: FakeCluster
) -> None:
    cluster.rbac = True
    cluster.close_watches()
    with pytest.raises(DeniedError, match="may not watch configmaps in all namespaces"):
        await anext(changes)


@pytest.mark.parametrize("code", [401, 403])
async def test_who_lasts_waits_until_he_has_his_rights_again(
    kube: KubeClient, cluster: FakeCluster, code: int
) -> None:
    async def sleep(_: float) -> None:
        await asyncio.sleep(0)

    follower = Follower(kube, CONFIG_MAPS, sleep=sleep)
    follower.lasting = True
    changes = follower.changes()
    assert await show(changes) == "SYNCED"
    cluster.add(CONFIG_MAPS, thing("a"))
    assert await show(changes) == "ADDED a"
    cluster.fail(code, "watch", times=3)
    cluster.close_watches()
    cluster.add(CONFIG_MAPS, thing("b"))
    assert await show(changes) == "ADDED b"
    assert not cluster.faults[0].times
    await changes.aclose()


async def test_who_lasts_is_told_what_he_never_could(
    kube: KubeClient, cluster: FakeCluster
) -> None:
    follower = Follower(kube, CONFIG_MAPS)
    follower.lasting = True
    changes = follower.changes()
    assert await show(changes) == "SYNCED"
    cluster.rbac = True
    with pytest.raises(DeniedError, match="may not watch configmaps in all namespaces"):
        await anext(changes)
