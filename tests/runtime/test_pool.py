"""Networks that are lent: one pod at a time, grown on a miss, shrunk when idle, adopted later."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from argoexec_cli.aio import Tasks
from argoexec_cli.errors import UnavailableError
from argoexec_cli.runtime import pool as pool_module
from argoexec_cli.runtime.pool import Network, Pool, PoolActions


class Engine:
    """Makes networks that exist in this object alone."""

    def __init__(self) -> None:
        """Start without networks."""
        self.networks: dict[str, Network] = {}
        self.fault: UnavailableError | None = None
        self._numbers = itertools.count(1)

    async def make(self) -> Network:
        """Make a network, or fail with `fault`."""
        if self.fault:
            raise self.fault
        network = Network(f"n{next(self._numbers)}", "10.0.0.2", "nameserver 10.0.0.1\n")
        self.networks[network.id] = network
        return network

    async def remove(self, network: str) -> None:
        """Remove it; an unknown one is fine."""
        self.networks.pop(network, None)

    @property
    def actions(self) -> PoolActions:
        """What a pool asks for."""
        return PoolActions(self.make, self.remove)


@pytest_asyncio.fixture
async def tasks() -> AsyncIterator[Tasks]:
    """Background tasks, stopped after the test."""
    owner = Tasks()
    yield owner
    await owner.stop()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_miss_gives_nothing_and_grows_the_pool_for_the_next_pod(tasks: Tasks) -> None:
    engine = Engine()
    pool = Pool(engine.actions, tasks, limit=4)
    assert await pool.borrow("a") is None
    await settle()
    lent = await pool.borrow("b")
    assert lent is not None
    assert lent == Network("n1", "10.0.0.2", "nameserver 10.0.0.1\n")


async def test_a_network_belongs_to_one_pod_until_it_is_given_back(tasks: Tasks) -> None:
    engine = Engine()
    pool = Pool(engine.actions, tasks, limit=1)
    await pool.borrow("a")
    await settle()
    first = await pool.borrow("a")
    assert first is not None
    assert await pool.borrow("a") == first
    assert await pool.borrow("b") is None
    assert not await pool.take_back("b", first.id)
    assert await pool.take_back("a", first.id)
    assert not await pool.take_back("a", first.id)
    again = await pool.borrow("b")
    assert again is not None
    assert again.id == first.id


async def test_the_pool_never_grows_beyond_its_limit(tasks: Tasks) -> None:
    engine = Engine()
    pool = Pool(engine.actions, tasks, limit=2)
    for number in range(10):
        await pool.borrow(f"p{number}")
    await settle()
    assert len(engine.networks) == 2


async def test_a_limit_of_zero_switches_it_off(tasks: Tasks) -> None:
    engine = Engine()
    pool = Pool(engine.actions, tasks, limit=0)
    tasks.spawn(pool.run(), name="pool")
    await settle()
    assert await pool.borrow("a") is None
    await settle()
    assert engine.networks == {}


async def test_running_makes_one_network_ready(tasks: Tasks) -> None:
    engine = Engine()
    pool = Pool(engine.actions, tasks, limit=4)
    tasks.spawn(pool.run(), name="pool")
    await settle()
    assert list(engine.networks) == ["n1"]


async def test_the_first_pod_waits_for_the_first_network(tasks: Tasks) -> None:
    engine = Engine()
    pool = Pool(engine.actions, tasks, limit=4)
    tasks.spawn(pool.run(), name="pool")
    await asyncio.sleep(0)
    first = await pool.borrow("a")
    assert first is not None
    assert list(engine.networks) == [first.id]
    assert await pool.borrow("b") is None


async def test_the_first_pod_goes_on_without_a_network_that_takes_long(
    tasks: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never() -> Network:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(pool_module, "_FIRST_S", 0.01)
    pool = Pool(PoolActions(never, Engine().remove), tasks, limit=4)
    tasks.spawn(pool.run(), name="pool")
    await asyncio.sleep(0)
    assert await pool.borrow("a") is None


async def test_a_network_that_cannot_be_made_is_only_a_miss(tasks: Tasks) -> None:
    engine = Engine()
    engine.fault = UnavailableError("the engine is away")
    pool = Pool(engine.actions, tasks, limit=1)
    assert await pool.borrow("a") is None
    await settle()
    engine.fault = None
    assert await pool.borrow("a") is None
    await settle()
    assert await pool.borrow("a") is not None


async def test_a_lost_network_is_lent_no_more(tasks: Tasks) -> None:
    engine = Engine()
    pool = Pool(engine.actions, tasks, limit=1)
    await pool.borrow("a")
    await settle()
    lent = await pool.borrow("a")
    assert lent is not None
    pool.lose(lent.id)
    assert await pool.borrow("a") is None
    assert not await pool.take_back("a", lent.id)


async def test_the_next_process_adopts_idle_networks_and_those_with_running_pods(
    tasks: Tasks,
) -> None:
    engine = Engine()
    for _ in range(3):
        await engine.make()
    pool = Pool(engine.actions, tasks, limit=3)
    await pool.adopt(engine.networks.values(), {"n1": "a"})
    mine = await pool.borrow("a")
    assert mine is not None
    assert mine.id == "n1"
    others = {lent.id for uid in ("c", "d") if (lent := await pool.borrow(uid))}
    assert others == {"n2", "n3"}
    assert await pool.borrow("e") is None


async def test_closing_waits_for_a_network_that_is_being_made(tasks: Tasks) -> None:
    engine = Engine()
    pool = Pool(engine.actions, tasks, limit=2)
    await pool.borrow("a")
    await pool.close()
    assert engine.networks == {}
    assert await pool.borrow("b") is None
    await settle()
    assert engine.networks == {}


async def test_closing_removes_the_idle_and_leaves_those_in_use(tasks: Tasks) -> None:
    engine = Engine()
    for _ in range(2):
        await engine.make()
    pool = Pool(engine.actions, tasks, limit=2)
    await pool.adopt(engine.networks.values(), {"n1": "a"})
    await pool.close()
    assert list(engine.networks) == ["n1"]


async def test_a_miss_may_be_waited_for(tasks: Tasks) -> None:
    engine = Engine()
    pool = Pool(engine.actions, tasks, limit=1)
    first, second = await pool.lend("a"), await pool.lend("b")
    assert (first.id, second.id) == ("n1", "n2")
    assert await pool.lend("a") == first


async def test_more_than_the_limit_is_removed_when_it_comes_back(tasks: Tasks) -> None:
    engine = Engine()
    pool = Pool(engine.actions, tasks, limit=1)
    lent = {uid: (await pool.lend(uid)).id for uid in ("a", "b")}
    for uid, network in lent.items():
        assert await pool.take_back(uid, network)
    assert list(engine.networks) == ["n1"]


async def test_a_spoiled_network_is_lent_no_more(tasks: Tasks) -> None:
    engine = Engine()
    pool = Pool(engine.actions, tasks, limit=2)
    spoiled = await pool.lend("a")
    pool.spoil(spoiled.id)
    assert await pool.take_back("a", spoiled.id)
    assert engine.networks == {}


async def test_a_private_network_is_for_its_pod_alone(tasks: Tasks) -> None:
    engine = Engine()
    pool = Pool(engine.actions, tasks, limit=4)

    async def make() -> Network:
        network = (await engine.make())._replace(private=True)
        engine.networks[network.id] = network
        return network

    ready = await pool.lend("before")
    await pool.take_back("before", ready.id)
    private = await pool.lend("a", make)
    assert private.id != ready.id
    assert await pool.lend("a", make) == private
    assert await pool.take_back("a", private.id)
    assert set(engine.networks) == {ready.id}


async def test_a_private_network_that_nobody_uses_is_not_adopted(tasks: Tasks) -> None:
    engine = Engine()
    pool = Pool(engine.actions, tasks, limit=4)
    left = (await engine.make())._replace(private=True)
    used = (await engine.make())._replace(private=True)
    await pool.adopt([left, used], {used.id: "a"})
    assert set(engine.networks) == {used.id}
    await pool.take_back("a", used.id)
    assert not engine.networks
