"""`argoexec list`."""

import shutil
import sys
from typing import Annotated, NamedTuple

from argoexec_cli.cli.completion import complete_status
from argoexec_cli.cli.connect import connect
from argoexec_cli.cli.declare import Option
from argoexec_cli.cli.find import list_items, without_pods_of_runs
from argoexec_cli.cli.items import Item, now
from argoexec_cli.cli.output import Format, write, write_items
from argoexec_cli.cli.params import AllNamespaces, NoHeaders, Output, Selector
from argoexec_cli.cli.rows import header, row
from argoexec_cli.cli.session import Session
from argoexec_cli.cli.statuses import parse_statuses
from argoexec_cli.cli.table import render_table


class ListOptions(NamedTuple):
    """What to list, and how."""

    selector: Selector = ""
    status: Annotated[
        list[str] | None,
        Option(
            "--status",
            "--phase",
            metavar="STATUS",
            help="Only these: Running,Failed.",
            complete=complete_status,
        ),
    ] = None
    running: Annotated[bool, Option("--running", help="Only what has not ended.")] = False
    completed: Annotated[bool, Option("--completed", help="Only what has ended.")] = False
    pods: Annotated[bool, Option("--pods", help="Also the pods of runs.")] = False
    all_namespaces: AllNamespaces = False
    no_headers: NoHeaders = False


async def list_(session: Session, options: ListOptions, output: Output = Format.TABLE) -> None:
    """List runs and pods.

    The oldest come first, runs before pods. Nothing to list is no error.
    """
    statuses = parse_statuses(options.status or [])
    namespace = "" if options.all_namespaces else session.namespace
    async with connect(session) as server:
        items = await list_items(server, namespace, selector=options.selector)
    items = items if options.pods else without_pods_of_runs(items)
    items = [item for item in items if _wanted(item, options, statuses)]
    if output in (Format.TABLE, Format.WIDE):
        _show_table(session, items, options, wide=output is Format.WIDE)
    else:
        write_items(items, output, single=False)


def _wanted(item: Item, options: ListOptions, statuses: set[str]) -> bool:
    if (options.running and item.ended) or (options.completed and not item.ended):
        return False
    return not statuses or bool(statuses & {item.phase.lower(), item.status.lower()})


def _show_table(session: Session, items: list[Item], options: ListOptions, *, wide: bool) -> None:
    namespaces = options.all_namespaces
    if not items:
        where = "any namespace" if namespaces else f"namespace {session.namespace}"
        session.say(f"nothing found in {where}")
        return
    moment = now()
    rows = [row(item, moment, wide=wide, namespaces=namespaces) for item in items]
    head = [] if options.no_headers else header(wide=wide, namespaces=namespaces)
    screen = 0 if wide or not sys.stdout.isatty() else shutil.get_terminal_size().columns
    write(render_table(rows, header=head, color=session.color, screen=screen))
