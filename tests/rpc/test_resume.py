"""Streams that break and go on, and those that do not."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable

import pytest

from argoexec_cli.errors import NotFoundError, UnavailableError
from argoexec_cli.rpc.resume import Patience, resumed

FAST = Patience(first_s=0.001, most_s=0.002, limit_s=60)


class Script:
    """Opens one stream after the other; each yields its items, then ends or raises."""

    def __init__(self, *streams: list[int | Exception]) -> None:
        self._streams = list(streams)
        self.closed = 0

    def __call__(self) -> AsyncGenerator[int, None] | None:
        return self._play(self._streams.pop(0)) if self._streams else None

    async def _play(self, items: list[int | Exception]) -> AsyncGenerator[int, None]:
        try:
            for item in items:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            self.closed += 1


async def collect(attempt: Callable[[], AsyncGenerator[int, None] | None]) -> list[int]:
    """Return everything that a resumed stream yields."""
    return [item async for item in resumed(attempt, patience=FAST)]


async def test_a_stream_that_ends_is_over() -> None:
    assert await collect(Script([1, 2], [3])) == [1, 2]


async def test_a_stream_that_breaks_goes_on_with_the_next() -> None:
    away = UnavailableError("away")
    script = Script([1, away], [away], [2, 3, away], [4], [5])
    assert await collect(script) == [1, 2, 3, 4]
    assert script.closed == 4


async def test_it_goes_on_until_there_is_nothing_to_ask_for() -> None:
    assert await collect(Script([1, UnavailableError("away")])) == [1]


async def test_a_stream_that_never_began_raises_at_once() -> None:
    script = Script([UnavailableError("away")], [1])
    with pytest.raises(UnavailableError, match="away"):
        await collect(script)
    assert script.closed == 1


async def test_other_errors_are_not_tried_again() -> None:
    with pytest.raises(NotFoundError, match="gone"):
        await collect(Script([1, NotFoundError("gone")], [2]))


async def test_it_gives_up_with_the_last_error_after_the_limit() -> None:
    away: list[list[int | Exception]] = [[UnavailableError("still away")]] * 1000
    items = resumed(
        Script([1, UnavailableError("first")], *away), patience=Patience(0.001, 0.001, 0.01)
    )
    assert await anext(items) == 1
    with pytest.raises(UnavailableError, match="still away"):
        await anext(items)


async def test_leaving_early_closes_the_stream() -> None:
    script = Script([1, 2])
    items = resumed(script, patience=FAST)
    assert await anext(items) == 1
    await items.aclose()  # type: ignore[attr-defined] # a generator
    assert script.closed == 1
