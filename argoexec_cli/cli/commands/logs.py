"""`argoexec logs`."""

import sys
import time
from contextlib import nullcontext
from typing import Annotated, NamedTuple

from argoexec_cli.cli.completion import complete_container
from argoexec_cli.cli.connect import connect
from argoexec_cli.cli.declare import Option
from argoexec_cli.cli.detach import detachable
from argoexec_cli.cli.durations import parse_duration, parse_time
from argoexec_cli.cli.find import find, pods_of_workflow
from argoexec_cli.cli.log_printer import Decoration, LogPrinter
from argoexec_cli.cli.log_stream import LogReader
from argoexec_cli.cli.params import Name
from argoexec_cli.cli.pulling import PullTeller, telling
from argoexec_cli.cli.session import Session
from argoexec_cli.errors import InvalidError
from argoexec_cli.models.logs import LogQuery


class LogOptions(NamedTuple):
    """What to show of a log, and how. The flags are kubectl's; --grep is Argo's."""

    follow: Annotated[bool, Option("--follow", "-f", help="Go on until it ends.")] = False
    container: Annotated[
        str,
        Option(
            "--container",
            "-c",
            metavar="NAME",
            help="Of this container.",
            complete=complete_container,
        ),
    ] = ""
    all_containers: Annotated[bool, Option("--all-containers", help="Of all containers.")] = False
    tail: Annotated[int, Option(metavar="LINES", help="Only the last lines; -1 for all.")] = -1
    since: Annotated[str, Option(metavar="DURATION", help="Not older than this: 5m.")] = ""
    since_time: Annotated[str, Option(metavar="TIME", help="Not older: RFC 3339.")] = ""
    limit_bytes: Annotated[int, Option(metavar="N", min=0, help="At most so many.")] = 0
    previous: Annotated[bool, Option("--previous", "-p", help="Of the attempt before.")] = False
    timestamps: Annotated[bool, Option("--timestamps", help="Each line with its time.")] = False
    prefix: Annotated[bool, Option("--prefix", help="Each line with its source.")] = False
    grep: Annotated[str, Option(metavar="REGEX", help="Only lines that match.")] = ""
    argo: Annotated[bool, Option("--argo", help="Of the tasks of a Workflow that Argo runs.")] = (
        False
    )


async def logs_(session: Session, name: Name, options: LogOptions) -> None:
    """Print what a run's or pod's containers wrote.

    Both streams of the task go to stdout, byte by byte as they came. Ctrl-C stops the printing,
    not the task. A pod that never started is an error, as it has no log.
    """
    query = LogQuery(
        container=options.container,
        follow=options.follow,
        tail_lines=options.tail if options.tail >= 0 else None,
        since_ns=_since_ns(options.since, options.since_time),
        limit_bytes=options.limit_bytes,
        previous=options.previous,
    )
    decoration = Decoration(options.timestamps, options.prefix, options.grep)
    teller = PullTeller(session)
    printer = LogPrinter(sys.stdout.buffer, decoration, before=teller.clear)
    again, stop = ("logs -f --argo", "stop --cluster") if options.argo else ("logs -f", "stop")
    async with connect(session) as server, detachable(session, name, again, stop=stop):
        items = (
            [await find(server, name, session.namespace)]
            if not options.argo
            else (await pods_of_workflow(server, name, session.options.namespace))
        )
        reader = LogReader(session, server, printer, query)
        for item in items:
            async with telling(teller, server, item) if options.follow else nullcontext():
                await reader.print_item(item, all_containers=options.all_containers)
        if error := reader.why_nothing():
            raise error


def _since_ns(since: str, since_time: str) -> int:
    if since and since_time:
        raise InvalidError("--since and --since-time exclude each other", hint="give one of them")
    if since:
        return time.time_ns() - int(parse_duration(since, "--since") * 1e9)
    if since_time:
        return int(parse_time(since_time, "--since-time").timestamp() * 1e9)
    return 0
