"""Few at a time, and one for all while there is no room."""

from __future__ import annotations

import asyncio

import pytest

from argoexec_cli.errors import CapacityError
from argoexec_cli.executors.local.turns import Turns


class Host:
    """Something that each caller takes one of, until there is none."""

    def __init__(self, turns: Turns, room: int) -> None:
        self._turns = turns
        self.room = room
        self.tries = 0
        self.at_it = 0
        self.most = 0

    async def take(self, *, network: bool = True) -> bool:
        """Tell whether there was room."""
        try:
            async with self._turns.one(network=network):
                self.tries += 1
                self.at_it += 1
                self.most = max(self.most, self.at_it)
                await asyncio.sleep(0)
                self.at_it -= 1
                if network and not self.room:
                    raise CapacityError("no address is free", hint="wait")
                self.room -= network
        except CapacityError as exc:
            assert (exc.message, exc.hint) == ("no address is free", "wait")
            return False
        return True


async def test_at_most_so_many_are_at_it() -> None:
    host = Host(Turns(3), room=100)
    assert all(await asyncio.gather(*(host.take() for _ in range(20))))
    assert host.most == 3


async def test_while_there_is_no_room_one_tries_for_all() -> None:
    host = Host(Turns(3, every_s=3600), room=10)
    took = await asyncio.gather(*(host.take() for _ in range(200)))
    assert took.count(True) == 10
    # Those that were at it when the first one failed, and nobody after them.
    assert host.tries <= 10 + 3
    assert await host.take(network=False)


async def test_the_one_that_finds_room_lets_the_others_in() -> None:
    host = Host(Turns(1, every_s=0), room=0)
    assert not await host.take()
    host.room = 5
    assert all([await host.take() for _ in range(5)])


async def test_another_failure_is_no_lack_of_room() -> None:
    turns = Turns(1, every_s=3600)
    with pytest.raises(ValueError, match="other"):
        async with turns.one(network=True):
            raise ValueError("other")
    async with turns.one(network=True):
        pass
