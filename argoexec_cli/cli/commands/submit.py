"""`argoexec submit`."""

import sys
from collections.abc import Callable
from typing import Annotated, Literal, NamedTuple

from argoexec_cli.cli.clusters import NO_CLUSTER, ClusterOptions
from argoexec_cli.cli.completion import complete_executor
from argoexec_cli.cli.connect import Server, connect
from argoexec_cli.cli.declare import Argument, Option
from argoexec_cli.cli.detach import detachable
from argoexec_cli.cli.items import Item
from argoexec_cli.cli.output import Document, write, write_items
from argoexec_cli.cli.session import Session
from argoexec_cli.cli.submission import (
    Naming,
    item_of,
    load_manifests,
    parse_parameters,
    submit_all,
)
from argoexec_cli.controller.submission import Overrides
from argoexec_cli.errors import ExitCode, InvalidError


class SubmitOptions(NamedTuple):
    """What to change about the manifests, and what to do after they were accepted."""

    parameter: Annotated[
        list[str] | None,
        Option("--parameter", "-p", metavar="KEY=VALUE", help="Set a parameter."),
    ] = None
    executor: Annotated[
        str,
        Option(metavar="NAME", help="Run it there.", complete=complete_executor),
    ] = ""
    name: Annotated[str, Option(metavar="NAME", help="Give it this name.")] = ""
    generate_name: Annotated[
        str, Option(metavar="PREFIX", help="Give it a new name that begins so.")
    ] = ""
    wait: Annotated[bool, Option("--wait", "-w", help="Wait until it has ended.")] = False
    watch: Annotated[bool, Option("--watch", help="Show its state until then.")] = False
    log: Annotated[bool, Option("--log", help="Print its log until then.")] = False
    dry_run: Annotated[bool, Option("--dry-run", help="Only check and show.")] = False
    to: Annotated[
        Literal["argoexec", "argo"],
        Option(help="argo: to a cluster's own controller, with its tasks for our executors."),
    ] = "argoexec"


async def submit_(
    session: Session,
    file: Annotated[list[str], Argument(metavar="FILE...", help="Manifests; - is stdin.")],
    options: SubmitOptions,
    output: Annotated[
        Document | None,
        Option("--output", "-o", metavar="FORMAT", help="name, json or yaml."),
    ] = None,
    cluster: ClusterOptions = NO_CLUSTER,
) -> int:
    """Run workflows and pods from manifests.

    Workflow, WorkflowRun and Pod; several documents and files too. Each gets the ConfigMaps and
    Secrets beside it that its pod refers to. Prints each name. Submitting the same again under the
    same name attaches to what is there. With --wait, --watch or --log the exit code tells how it
    ended: 0 succeeded, 1 failed, 8 stopped. With --to argo a Workflow is created in the cluster,
    and its container and script templates are handed to argoexec's executors.
    """
    if options.to == "argo":
        return await _to_argo(session, file, options, output, cluster)
    if any(cluster):
        raise InvalidError("a cluster is for --to argo", hint="argoexec submit --to argo FILE")
    overrides = Overrides(
        parameters=parse_parameters(options.parameter or []),
        executor=options.executor,
        namespace=session.options.namespace,
    )
    naming = Naming(options.name, options.generate_name)
    given = load_manifests(file, sys.stdin.buffer, overrides, naming)
    if options.dry_run:
        _announce([item_of(one) for one in given.objects], output, write)
        session.say("this was a dry run: nothing was submitted")
        return ExitCode.OK
    # With --log, stdout is for the log alone.
    told = session.say_text if options.log else write
    async with connect(session) as server:
        items = await submit_all(server, given, lambda done: _announce(done, output, told))
        return await _follow(session, server, items, options)


async def _to_argo(
    session: Session,
    file: list[str],
    options: SubmitOptions,
    output: Document | None,
    cluster: ClusterOptions,
) -> int:
    from argoexec_cli.cli.argo_workflows import ToArgo, submit_to_argo

    told = ToArgo(
        files=file,
        parameters=parse_parameters(options.parameter or []),
        executor=options.executor,
        name=options.name,
        generate_name=options.generate_name,
        follow=_how(options),
        dry_run=options.dry_run,
    )
    return await submit_to_argo(session, told, cluster, output)


def _how(options: SubmitOptions) -> Literal["wait", "watch", "log"] | None:
    if options.log:
        return "log"
    if options.watch:
        return "watch"
    return "wait" if options.wait else None


def _announce(items: list[Item], output: Document | None, tell: Callable[[str], None]) -> None:
    if output is not None:
        write_items(items, output, single=True)
        return
    for item in items:
        tell(f"{item.name}\n")


def _hopeless(session: Session, items: list[Item]) -> int:
    """Tell at once of what this executor can never run, and return the exit code."""
    codes = [ExitCode.OK]
    for item in items:
        if item.ended and item.exit_code is ExitCode.NO_CAPACITY:
            session.say(f"{item.label} {item.status}: {item.message}")
            codes.append(item.exit_code)
    return codes[-1]


async def _follow(
    session: Session, server: Server, items: list[Item], options: SubmitOptions
) -> int:
    if not (options.log or options.watch or options.wait) or not items:
        return _hopeless(session, items)
    names = " ".join(item.name for item in items)
    again = "logs -f" if options.log and len(items) == 1 else "wait"
    async with detachable(session, names, again):
        if options.log:
            from argoexec_cli.cli.log_stream import print_logs

            return await print_logs(session, server, items)
        if options.watch:
            from argoexec_cli.cli.watching import watch_items

            return await watch_items(session, server, items)
        from argoexec_cli.cli.waiting import wait_for_items

        return await wait_for_items(session, server, items)
