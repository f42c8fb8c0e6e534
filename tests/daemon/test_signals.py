"""Two stages, and the handlers that were there before are there afterwards."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from argoexec_cli.daemon.signals import WATCHED, caught


@pytest.mark.parametrize("number", WATCHED)
async def test_the_first_signal_asks_and_the_second_insists(number: signal.Signals) -> None:
    with caught() as wish:
        os.kill(os.getpid(), number)
        async with asyncio.timeout(30):
            await wish.stop.wait()
        assert not wish.now.is_set()
        assert wish.signal is number
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(30):
            await wish.now.wait()
        assert wish.signal is number


async def test_the_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in WATCHED]
    with pytest.raises(KeyError), caught():
        raise KeyError
    assert [signal.getsignal(number) for number in WATCHED] == before


async def test_the_program_may_ask_itself() -> None:
    with caught() as wish:
        wish.ask()
    assert wish.stop.is_set()
    assert wish.signal is None
