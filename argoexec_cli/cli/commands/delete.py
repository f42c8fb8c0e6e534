"""`argoexec delete`."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final, NamedTuple

from argoexec_cli.cli.asking import confirmed
from argoexec_cli.cli.connect import Server, connect
from argoexec_cli.cli.declare import Option
from argoexec_cli.cli.durations import parse_duration
from argoexec_cli.cli.find import find, list_items, without_pods_of_runs
from argoexec_cli.cli.follow import all_of
from argoexec_cli.cli.items import Item, now
from argoexec_cli.cli.output import write
from argoexec_cli.cli.params import MaybeNames, Selector
from argoexec_cli.cli.session import Session
from argoexec_cli.errors import ArgoexecError, InvalidError, NotFoundError
from argoexec_cli.models.record import PodRecord
from argoexec_cli.models.workflows import RunRef


class Which(NamedTuple):
    """What to delete when it is not named one by one."""

    everything: Annotated[bool, Option("--all", help="All of the namespace.")] = False
    completed: Annotated[bool, Option("--completed", help="All that have ended.")] = False
    older: Annotated[str, Option(metavar="DURATION", help="All that ended before.")] = ""
    selector: Selector = ""


async def delete_(
    session: Session,
    which: Which,
    name: MaybeNames = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Only say which.")] = False,
    yes: Annotated[bool, Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget runs or pods, with their logs.

    What still runs is stopped first, with its grace period, all at once. Asks before it deletes
    what is not named one by one.
    """
    if bool(name) == any(which):
        problem = "name what to delete, or say --all, --completed, --older or -l"
        raise InvalidError(problem, hint=_HINT)
    async with connect(session) as server:
        if name:
            items = [await find(server, each, session.namespace) for each in name]
        else:
            items = await _select(server, session.namespace, which)
            if not _confirmed(session, items, yes or dry_run):
                session.say("nothing was deleted")
                return
        if not dry_run:
            await _delete_all(session, server, items)
            return
        for item in items:
            write(f"{item.label} would be deleted\n")


_HINT: Final = "argoexec delete NAME, or argoexec delete --completed"
_AT_ONCE: Final = 32
_SILENT_S: Final = 2.0
"""What takes longer is said: pods have 30 seconds to end by default."""
_NAMED: Final = 10
"""So many by their names."""


async def _select(server: Server, namespace: str, which: Which) -> list[Item]:
    older_s = parse_duration(which.older, "--older") if which.older else None
    items = await list_items(server, namespace, selector=which.selector)
    items = without_pods_of_runs(items)
    if which.completed or older_s is not None:
        items = [item for item in items if item.ended]
    if older_s is not None:
        items = [item for item in items if _ended_before(item, older_s)]
    return items


def _ended_before(item: Item, age_s: float) -> bool:
    return item.finished is not None and (now() - item.finished).total_seconds() > age_s


def _confirmed(session: Session, items: list[Item], yes: bool) -> bool:
    """Ask on a terminal; elsewhere raise `InvalidError` unless *yes* was said."""
    if not items:
        session.say("nothing to delete")
    if yes or not items:
        return True
    what = f"{len(items)} runs and pods"
    active = sum(not item.ended for item in items)
    question = f"Delete {what}, of which {active} still run?" if active else f"Delete {what}?"
    return confirmed(question, f"this would delete {what}")


async def _delete_all(session: Session, server: Server, items: list[Item]) -> None:
    """Delete side by side, telling of each that is gone; one that fails keeps no other back.

    Raises the first failure when all are done. Ctrl-C ends the waiting, not what was begun.
    """
    gate = asyncio.Semaphore(_AT_ONCE)
    left = dict(enumerate(items))
    failures: list[ArgoexecError] = []

    async def delete_one(number: int, item: Item) -> None:
        async with gate:
            try:
                await _delete(server, item)
            except ArgoexecError as exc:
                failures.append(exc)
            else:
                write(f"{item.label} deleted\n")
            finally:
                del left[number]

    def tell() -> None:
        labels = [one.label for one in left.values()]
        more = [f"{len(labels) - _NAMED} more"] if len(labels) > _NAMED else []
        session.say(f"waiting for the end of {', '.join(labels[:_NAMED] + more)}")

    patience = asyncio.get_running_loop().call_later(_SILENT_S, tell)
    try:
        await all_of(*(delete_one(number, item) for number, item in enumerate(items)))
    finally:
        patience.cancel()
    if failures:
        for failure in failures[1:]:
            session.say(f"also: {failure.message}")
        raise failures[0]


async def _delete(server: Server, item: Item) -> None:
    try:
        if isinstance(item.source, PodRecord):
            await server.executor.delete_pod(item.source.ref)
        else:
            uid = item.source.metadata.uid
            ref = RunRef(namespace=item.namespace, name=item.name, uid=uid)
            await server.workflows.delete_run(ref)
    except NotFoundError:
        return  # Somebody else was faster, which is what was wanted.
