"""Waiting for runs and pods, and what the outcome means to a shell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum

from argoexec_cli.cli.connect import Server
from argoexec_cli.cli.durations import parse_duration
from argoexec_cli.cli.find import find
from argoexec_cli.cli.follow import all_of, closing, follow_item
from argoexec_cli.cli.items import Item, now
from argoexec_cli.cli.pulling import PullTeller
from argoexec_cli.cli.rows import change_line, next_step
from argoexec_cli.cli.session import Session
from argoexec_cli.errors import ExitCode, NotFoundError, TimedOutError


class Target(StrEnum):
    """What to wait for."""

    ENDED = "ended"
    RUNNING = "running"
    DELETED = "deleted"


@asynccontextmanager
async def within(timeout: str, what: str) -> AsyncIterator[None]:
    """Bound the time; an empty *timeout* is no bound. `TimedOutError` names *what* runs on."""
    limit_s = parse_duration(timeout, "--timeout") if timeout else None
    try:
        async with asyncio.timeout(limit_s):
            yield
    except TimeoutError as exc:
        raise _not_done(what, timeout) from exc


async def wait_for(
    session: Session,
    server: Server,
    names: Sequence[str],
    target: Target = Target.ENDED,
    *,
    once: bool = False,
) -> int:
    """Wait for all *names*; see `wait_for_items`. `NotFoundError` for one that does not exist.

    With *once* it is a `TimedOutError` when one has not come so far yet.
    """
    found = [await _find(server, name, session.namespace, target) for name in names]
    items = [item for item in found if item is not None]
    if once and not all(_has_reached(item, target) for item in items):
        raise _not_done(" ".join(names), "one look")
    return await wait_for_items(session, server, items, target)


async def wait_for_items(
    session: Session, server: Server, items: Sequence[Item], target: Target = Target.ENDED
) -> int:
    """Wait for all *items*, telling of each that is done; return the first exit code but 0."""
    outcomes = [0] * len(items)
    teller = PullTeller(session)

    async def wait_one(number: int, item: Item) -> None:
        if target is Target.DELETED:
            outcomes[number] = await _until_deleted(session, server, item)
        else:
            outcomes[number] = await _reach(session, server, item, target, teller)

    try:
        await all_of(*(wait_one(number, item) for number, item in enumerate(items)))
    finally:
        teller.clear()
    return next((outcome for outcome in outcomes if outcome), ExitCode.OK)


async def _find(server: Server, name: str, namespace: str, target: Target) -> Item | None:
    try:
        return await find(server, name, namespace)
    except NotFoundError:
        if target is Target.DELETED:
            return None
        raise


def _not_done(what: str, limit: str) -> TimedOutError:
    hint = f"it runs on; argoexec wait {what}"
    return TimedOutError(f"{what}: not done after {limit}", hint=hint)


def _has_reached(item: Item, target: Target) -> bool:
    running = target is Target.RUNNING and item.phase == "Running"
    return running or (item.ended and target is not Target.DELETED)


async def _reach(
    session: Session, server: Server, item: Item, target: Target, teller: PullTeller
) -> int:
    async with closing(follow_item(server, item)) as states:
        async for state in states:
            item = state
            teller.see(item)
            if target is Target.RUNNING and state.phase == "Running":
                break
    teller.clear()
    session.say(change_line(item, now()))
    if hint := next_step(item):
        session.say(hint)
    return item.exit_code if item.ended else ExitCode.OK


async def _until_deleted(session: Session, server: Server, item: Item) -> int:
    try:
        async with closing(follow_item(server, item, to_deletion=True)) as states:
            async for _ in states:
                pass
    except NotFoundError:
        session.say(f"{item.label} is gone")
    return ExitCode.OK
