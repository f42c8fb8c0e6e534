"""Reads the logs of a pod, or of all pods of a run, and hands them to a printer."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

import msgspec

from argoexec_cli.cli.connect import Server
from argoexec_cli.cli.find import pods_of
from argoexec_cli.cli.follow import all_of, closing, first_error, follow_item
from argoexec_cli.cli.items import Item, item_of_pod, now
from argoexec_cli.cli.log_printer import Decoration, LogPrinter
from argoexec_cli.cli.pulling import PullTeller, telling
from argoexec_cli.cli.rows import change_line, next_step
from argoexec_cli.cli.session import Session
from argoexec_cli.cli.silence import cause_of_silence, never_started, settled
from argoexec_cli.errors import ExitCode, NotFoundError, StartError
from argoexec_cli.models.logs import LogQuery
from argoexec_cli.models.record import PodQuery, PodRecord, PodRef


class LogReader:
    """Prints logs; with `follow` in the query until everything that was written is printed."""

    def __init__(
        self, session: Session, server: Server, printer: LogPrinter, query: LogQuery
    ) -> None:
        """Nothing is read yet. A query without a container means each pod's first main one."""
        self._session = session
        self._server = server
        self._printer = printer
        self._query = query
        self._streams: dict[str, asyncio.Task[None]] = {}
        self._absent: set[str] = set()
        self._with_log = 0
        self._without_log: list[PodRecord] = []

    async def print_item(self, item: Item, *, all_containers: bool = False) -> None:
        """Print the log of a pod, or of the pods of a run.

        With `follow` the pods of a run are printed side by side, each from when it appears.
        `NotFoundError` when a pod has no such container.
        """
        if isinstance(item.source, PodRecord):
            await self._print_pod(item.source, all_containers)
        elif self._query.follow:
            await self._follow_run(item, all_containers)
        else:
            for ref in pods_of(item):
                await self._print_pod(await self._server.executor.get_pod(ref), all_containers)
        self._printer.finish()

    def why_nothing(self) -> StartError | None:
        """Return the error to end with when no pod has a log because none ever started.

        Beside logs that are there, it is only said which pods have none.
        """
        errors = [never_started(item_of_pod(record)) for record in self._without_log]
        if errors and not self._with_log:
            return errors[0]
        for error in errors:
            self._session.say(error.message)
        return None

    async def _follow_run(self, item: Item, all_containers: bool) -> None:
        with first_error():
            async with asyncio.TaskGroup() as group:
                async with closing(follow_item(self._server, item)) as states:
                    async for state in states:
                        self._start_streams(state, group, all_containers)
                        item = state
                await self._give_up_absent(item)

    async def _give_up_absent(self, run: Item) -> None:
        """Stop waiting for pods that will not come any more, as their run has ended."""
        for ref in pods_of(run):
            if ref.name not in self._absent:
                continue
            try:
                await self._server.executor.get_pod(ref)
            except NotFoundError:
                self._streams[ref.name].cancel()
                self._session.say(f"this daemon has no pod {ref.name}; executor: {run.executor}")

    def _start_streams(self, run: Item, group: asyncio.TaskGroup, all_containers: bool) -> None:
        for ref in pods_of(run):
            if ref.name not in self._streams:
                work = self._print_when_there(ref, all_containers)
                self._streams[ref.name] = group.create_task(work, name=f"logs of {ref}")
                if not run.ended:
                    self._absent.add(ref.name)

    async def _print_when_there(self, ref: PodRef, all_containers: bool) -> None:
        """Wait for the pod, which the run may name before the executor knows it; then print."""
        query = PodQuery(namespace=ref.namespace, name=ref.name)
        async with closing(self._server.executor.watch_pods(query)) as updates:
            async for update in updates:
                if update.record is not None:
                    self._absent.discard(ref.name)
                    await self._print_pod(update.record, all_containers)
                    return

    async def _print_pod(self, record: PodRecord, all_containers: bool) -> None:
        names = self._containers(record, all_containers)
        printed: set[str] = set()
        streams = [self._print_container(record, name, printed) for name in names]
        if self._query.follow:
            await all_of(*streams)
        else:
            for stream in streams:
                await stream
        if printed or self._query.previous:
            self._with_log += 1
        else:
            await self._explain_silence(record, names)

    async def _explain_silence(self, record: PodRecord, containers: list[str]) -> None:
        last = await settled(self._server, record, containers) if self._query.follow else record
        if last is None:
            return
        cause = cause_of_silence(last.pod.status, containers)
        if cause == "never started":
            self._without_log.append(last)
            return
        self._with_log += 1
        if cause == "waits":
            pod = item_of_pod(last)
            where = "" if pod.namespace == "default" else f" -n {pod.namespace}"
            self._session.say(f"{pod.label} has not started yet: {pod.status}")
            self._session.say(f"hint: argoexec logs -f {pod.label}{where}")

    def _containers(self, record: PodRecord, all_containers: bool) -> list[str]:
        spec = record.pod.spec
        every = [one.name for one in (*spec.init_containers, *spec.containers)]
        if all_containers:
            return every
        wanted = self._query.container
        if wanted and wanted not in every:
            raise NotFoundError(
                f"pod {record.pod.metadata.name} has no container {wanted}",
                hint=f"it has: {', '.join(every)}",
            )
        if not wanted and len(spec.containers) > 1:
            names = ", ".join(every)
            self._session.say(f"showing container {spec.containers[0].name} out of: {names}")
        return [wanted or spec.containers[0].name]

    async def _print_container(self, record: PodRecord, container: str, printed: set[str]) -> None:
        source = f"pod/{record.pod.metadata.name}/{container}"
        query = msgspec.structs.replace(self._query, container=container)
        async with closing(self._server.executor.pod_logs(record.ref, query)) as chunks:
            async for chunk in chunks:
                if chunk.data:
                    printed.add(container)
                    self._printer.write(chunk, source)


async def print_logs(session: Session, server: Server, items: Sequence[Item]) -> int:
    """Follow the logs of *items* until all have ended; return the first exit code that is not 0.

    Several logs share stdout, so each line says then where it is from.
    """
    teller = PullTeller(session)
    printer = LogPrinter(sys.stdout.buffer, Decoration(prefix=len(items) > 1), before=teller.clear)
    outcomes = [0] * len(items)

    async def print_one(number: int, item: Item) -> None:
        reader = LogReader(session, server, printer, LogQuery(follow=True))
        async with telling(teller, server, item) as ended:
            await reader.print_item(item)
            item = await ended()
        outcomes[number] = item.exit_code
        if item.phase != "Succeeded":
            if printer.mid_line and sys.stdout.isatty():
                session.say("")
            session.say(change_line(item, now()))
            if hint := next_step(item):
                session.say(hint)

    await all_of(*(print_one(number, item) for number, item in enumerate(items)))
    return next((outcome for outcome in outcomes if outcome), ExitCode.OK)
