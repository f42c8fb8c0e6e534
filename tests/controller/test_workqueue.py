"""The work queue's promises about one key, and about delays."""

from __future__ import annotations

import asyncio

import pytest

from argoexec_cli.controller.workqueue import WorkQueue


async def test_a_key_added_twice_comes_once() -> None:
    queue = WorkQueue()
    for key in ("a", "b", "a"):
        queue.add(key)
    assert [await queue.get(), await queue.get()] == ["a", "b"]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await queue.get()


async def test_a_key_that_is_being_worked_on_waits_for_that() -> None:
    queue = WorkQueue()
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await queue.get()
    queue.done("a")
    assert await queue.get() == "a"


async def test_what_fails_comes_again_later_and_adding_ends_the_delay() -> None:
    queue = WorkQueue()
    queue.add("a")
    loop = asyncio.get_running_loop()
    began = loop.time()
    queue.failed(await queue.get())
    assert await queue.get() == "a"
    assert 0.15 <= loop.time() - began < 20
    queue.failed("a")
    queue.add("a")
    async with asyncio.timeout(0):  # without a wait
        assert await queue.get() == "a"
    queue.failed("a")
    queue.close()


async def test_a_shorter_delay_is_kept() -> None:
    queue = WorkQueue()
    queue.add_after("a", 0.01)
    queue.add_after("a", 60)
    async with asyncio.timeout(30):
        assert await queue.get() == "a"
