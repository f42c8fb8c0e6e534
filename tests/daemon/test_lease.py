"""The lease of a rented host: who renews it, and until when."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from argoexec_cli.daemon.lease import CALLED, WORK_S, Lease
from argoexec_cli.errors import UnavailableError

OLD_S = 3600.0


@pytest.fixture
def renewed(tmp_path: Path) -> Path:
    """Give the file of a lease that was renewed, and called, an hour ago."""
    for name in ("renewed", CALLED):
        age(tmp_path / name, OLD_S)
    return tmp_path / "renewed"


def age(path: Path, seconds: float) -> None:
    """Have *path* been touched so long ago."""
    path.touch()
    os.utime(path, (time.time() - seconds,) * 2)


def fresh(path: Path) -> bool:
    """Tell whether *path* was touched since."""
    return time.time() - path.stat().st_mtime < OLD_S / 2


async def until(ready: Callable[[], bool]) -> None:
    """Wait for what happens in the background."""
    for _ in range(12_000):
        if ready():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not happen")


async def test_work_renews_and_idleness_does_not(renewed: Path) -> None:
    asked = 0

    async def busy() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    async with Lease(renewed).kept(busy, every_s=0.01):
        await until(lambda: asked == 3)
        assert not fresh(renewed)
        await until(lambda: fresh(renewed))
    assert not fresh(renewed.with_name(CALLED)), "work is no call"


async def test_work_that_nobody_asks_for_renews_no_longer(
    renewed: Path, caplog: pytest.LogCaptureFixture
) -> None:
    age(renewed.with_name(CALLED), WORK_S + 60)
    asked = 0

    async def busy() -> bool:
        nonlocal asked
        asked += 1
        return True

    lease = Lease(renewed)
    with caplog.at_level(logging.WARNING):
        async with lease.kept(busy, every_s=0.01):
            await until(lambda: asked > 3)
            assert not fresh(renewed)
            assert [each.message for each in caplog.records] == [
                "nobody has called for 7 days: work no longer renews the lease of this host"
            ]
            # Somebody calls: the days count from there.
            lease.renew()
            age(renewed, OLD_S)
            await until(lambda: fresh(renewed))


async def test_a_host_that_nobody_has_called_yet_counts_from_its_first_start(
    tmp_path: Path,
) -> None:
    async def busy() -> bool:
        return True

    async with Lease(tmp_path / "renewed").kept(busy):
        await until((tmp_path / "renewed").exists)
    assert fresh(tmp_path / CALLED)


async def test_an_executor_that_does_not_answer_ends_nothing(renewed: Path) -> None:
    asked = 0

    async def busy() -> bool:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise UnavailableError("no answer", hint="wait")
        return True

    async with Lease(renewed).kept(busy, every_s=0.01):
        await until(lambda: fresh(renewed))
