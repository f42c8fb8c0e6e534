"""Following what changes. The client underneath goes on after a restart of the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from argoexec_cli.cli.connect import Server
from argoexec_cli.cli.items import Item, item_of_pod, item_of_run
from argoexec_cli.errors import NotFoundError
from argoexec_cli.models.record import PodQuery
from argoexec_cli.models.workflows import RunQuery

_T = TypeVar("_T")
OnChange = Callable[[str, Item | None], None]
"""Told of one change: its type (as in a watch) and the run or pod as it is now."""


@asynccontextmanager
async def closing(stream: AsyncIterator[_T]) -> AsyncIterator[AsyncIterator[_T]]:
    """Close the stream on leaving: the call behind it ends at once, not at some collection."""
    try:
        yield stream
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()


async def follow_item(
    server: Server, item: Item, *, to_deletion: bool = False
) -> AsyncIterator[Item]:
    """Yield the item's states as they come, the last of them its end.

    `NotFoundError` when it is deleted; *to_deletion* goes on until then.
    """
    if item.ended and not to_deletion:
        yield item
        return
    states = _run_states if item.kind == "workflowrun" else _pod_states
    async with closing(states(server, item.namespace, item.name)) as updates:
        async for kind, state in updates:
            if state is None:
                continue
            if kind == "DELETED":
                raise NotFoundError(f"{item.label} was deleted", hint="argoexec list")
            yield state
            if state.ended and not to_deletion:
                return


async def follow_all(server: Server, namespace: str, on_change: OnChange) -> None:
    """Tell *on_change* of every change of every run and pod (an empty namespace: of all).

    Never ends by itself. SYNCED comes twice, without an item: once for the runs, once for the pods.
    """

    async def pump(source: AsyncIterator[tuple[str, Item | None]]) -> None:
        async with closing(source) as changes:
            async for kind, item in changes:
                on_change(kind, item)

    await all_of(
        pump(_run_states(server, namespace, "")),
        pump(_pod_states(server, namespace, "")),
    )


async def all_of(*works: Coroutine[Any, Any, None]) -> None:
    """Run all to their end; the first error cancels the others and is raised as itself."""
    with first_error():
        async with asyncio.TaskGroup() as group:
            for number, work in enumerate(works):
                group.create_task(work, name=f"work {number}")


@contextmanager
def first_error() -> Iterator[None]:
    """Raise the first error of a task group as itself, so that the boundary knows it."""
    try:
        yield
    except BaseExceptionGroup as errors:
        raise _first(errors) from errors


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


async def _run_states(
    server: Server, namespace: str, name: str
) -> AsyncIterator[tuple[str, Item | None]]:
    query = RunQuery(namespace=namespace, name=name)
    async with closing(server.workflows.watch_runs(query)) as stream:
        async for update in stream:
            yield update.type, item_of_run(update.run) if update.run else None


async def _pod_states(
    server: Server, namespace: str, name: str
) -> AsyncIterator[tuple[str, Item | None]]:
    query = PodQuery(namespace=namespace, name=name)
    async with closing(server.executor.watch_pods(query)) as stream:
        async for update in stream:
            yield update.type, item_of_pod(update.record) if update.record else None
