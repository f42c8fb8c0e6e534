"""Follows a Workflow that real Argo runs: to its end, by its steps, or by the logs of its tasks."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, Literal

from argoexec_cli.cli.output import write
from argoexec_cli.cli.session import Session
from argoexec_cli.cli.table import printable
from argoexec_cli.errors import ExitCode

if TYPE_CHECKING:
    from argoexec_cli.cli.connect import Server
    from argoexec_cli.kube.connecting import Cluster
    from argoexec_cli.models.record import PodQuery, PodRecord

Manifest = dict[str, Any]
How = Literal["wait", "watch", "log"]
Tell = Callable[[str], None]
_LABEL_MAX: Final = 63
_TASKS: Final = frozenset({"Pod", "Container", "Plugin", "HTTP"})


async def follow_workflow(session: Session, cluster: Cluster, made: Manifest, how: How) -> int:
    """Follow a workflow until it has ended; return the exit code."""
    name, namespace = made["metadata"]["name"], made["metadata"]["namespace"]
    if how == "log":
        return await _print_logs(session, cluster, made)
    return await wait_one(cluster, name, namespace, steps=how == "watch")


async def wait_one(
    cluster: Cluster, name: str, namespace: str, *, steps: bool = False, tell: Tell = write
) -> int:
    """Wait for a workflow; with *steps* tell of each change of a step. Return the exit code."""
    from argoexec_cli.argo.submitting.creating import workflow_states

    found: Manifest = {}
    told: dict[str, str] = {}
    async with aclosing(workflow_states(cluster.client, name, namespace)) as states:
        async for found in states:
            for line in _news(found, told) if steps else ():
                tell(f"{line}\n")
    phase = found["status"]["phase"]
    words = [f"workflow/{name} {phase}", "" if phase == "Succeeded" else _why(found)]
    tell(printable(": ".join(filter(None, words))) + "\n")
    if phase == "Succeeded":
        return ExitCode.OK
    stopped = (found.get("spec") or {}).get("shutdown")
    return ExitCode.STOPPED if stopped else ExitCode.FAILED


def _why(workflow: Manifest) -> str:
    """Return what the first task that failed says of it: a workflow only counts its children."""
    status = workflow["status"]
    failed = [
        one
        for one in (status.get("nodes") or {}).values()
        if one.get("type") in _TASKS and one.get("phase") in ("Failed", "Error")
    ]
    failed.sort(key=lambda one: str(one.get("finishedAt") or ""))
    said = [one.get("message") for one in (*failed, status)]
    return str(next(filter(None, said), ""))


def _news(workflow: Manifest, told: dict[str, str]) -> list[str]:
    """Return a line for each step that is otherwise than was told."""
    lines = []
    for node, state in ((workflow.get("status") or {}).get("nodes") or {}).items():
        words = (state.get("displayName") or node, state.get("phase"), state.get("message"))
        line = printable(" ".join(str(word) for word in ("step", *words) if word))
        if told.get(node) != line:
            told[node] = line
            lines.append(line)
    return lines


async def _print_logs(session: Session, cluster: Cluster, made: Manifest) -> int:
    """Print what the workflow's tasks write whose pods this command's server has."""
    from argoexec_cli.argo.translate.request import WORKFLOW
    from argoexec_cli.cli.connect import connect
    from argoexec_cli.models.record import PodQuery

    meta = made["metadata"]
    query = PodQuery(
        namespace=meta["namespace"], selector=f"{WORKFLOW}={meta['name'][:_LABEL_MAX]}"
    )
    async with connect(session) as server:
        logs = _TaskLogs(session, server, meta["uid"])
        watching = asyncio.create_task(logs.watch(query), name="tasks of the workflow")
        ending = asyncio.create_task(
            wait_one(cluster, meta["name"], meta["namespace"], tell=session.say_text),
            name="end of the workflow",
        )
        try:
            await asyncio.wait({watching, ending}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                watching.result()  # it only ends by an error
            code = await ending
            await logs.finish(query)
        finally:
            watching.cancel()
            ending.cancel()
            await asyncio.gather(watching, ending, return_exceptions=True)
            await logs.stop()
    if not logs.seen:
        session.say("no task of it came to this server; its executors have the logs")
        session.say(f"hint: argoexec get {meta['name']} --cluster -n {meta['namespace']}")
    return code


class _TaskLogs:
    """The logs of a workflow's tasks, side by side, each line with its source."""

    def __init__(self, session: Session, server: Server, uid: str) -> None:
        """Take the pods of the workflow *uid*: an earlier one may have had the same name."""
        from argoexec_cli.cli.log_printer import Decoration, LogPrinter

        self._session, self._server, self._uid = session, server, uid
        self._printer = LogPrinter(sys.stdout.buffer, Decoration(prefix=True))
        self._streams: dict[str, asyncio.Task[None]] = {}

    @property
    def seen(self) -> bool:
        """Whether any task came here."""
        return bool(self._streams)

    async def watch(self, query: PodQuery) -> None:
        """Print the log of every task that comes, for ever."""
        from argoexec_cli.cli.follow import closing

        async with closing(self._server.executor.watch_pods(query)) as updates:
            async for update in updates:
                if update.record is not None and update.type != "DELETED":
                    self._begin(update.record)

    async def finish(self, query: PodQuery) -> None:
        """Print what is left: the workflow has ended, so its tasks have, or are ended now."""
        from argoexec_cli.cli.find import list_pods

        for record in await list_pods(self._server, query.namespace, query.selector):
            self._begin(record)
        await asyncio.gather(*self._streams.values())

    async def stop(self) -> None:
        """Print nothing any more."""
        for stream in self._streams.values():
            stream.cancel()
        await asyncio.gather(*self._streams.values(), return_exceptions=True)

    def _begin(self, record: PodRecord) -> None:
        from argoexec_cli.argo.translate.request import WORKFLOW_UID

        meta = record.pod.metadata
        if meta.annotations.get(WORKFLOW_UID) == self._uid and meta.uid not in self._streams:
            work = self._print(record)
            self._streams[meta.uid] = asyncio.create_task(work, name=f"log of {record.ref}")

    async def _print(self, record: PodRecord) -> None:
        from argoexec_cli.cli.items import item_of_pod
        from argoexec_cli.cli.log_stream import LogReader
        from argoexec_cli.models.logs import LogQuery

        reader = LogReader(self._session, self._server, self._printer, LogQuery(follow=True))
        await reader.print_item(item_of_pod(record))
