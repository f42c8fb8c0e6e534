"""Runs cases on an executor."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any, Final, Literal, NamedTuple

from argoexec_cli.conformance.case import Case
from argoexec_cli.conformance.compare import Logs, differences, refusal_differs
from argoexec_cli.conformance.place import Place
from argoexec_cli.conformance.ports import with_free_ports
from argoexec_cli.conformance.request import missing, not_granted, to_request
from argoexec_cli.conformance.steps import MissedError, take, until_ended
from argoexec_cli.errors import ArgoexecError, NotFoundError
from argoexec_cli.models.base import Model
from argoexec_cli.models.logs import LogQuery, LogRun
from argoexec_cli.models.record import PodRecord, PodRef, PodRequest

State = Literal["ok", "failed", "not supported", "skipped"]


class Result(Model, kw_only=True):
    """What came of one case. `why`: the differences, or why it did not run."""

    case: str
    topic: str
    state: State
    why: tuple[str, ...] = ()
    seconds: float = 0.0


class Pace(NamedTuple):
    """How many cases run at once, and for how long at most one: the longest sleeps for 4 s."""

    at_once: int = 8
    limit_s: float = 60.0


USUAL: Final = Pace()


async def run_cases(
    cases: Iterable[Case],
    place: Place,
    *,
    image: str,
    pace: Pace = USUAL,
    tell: Callable[[Result], None] = lambda _: None,
) -> list[Result]:
    """Run all cases, several at a time; return the results in the cases' order.

    They run in a namespace of their own, and each deletes its pod, also when this is cancelled.
    Errors of the executor are differences; `UnavailableError` at the first contact is raised.
    """
    cases = list(cases)
    runner = _Runner(place, image, pace.limit_s, tell)
    await place.executor.info()
    turns = asyncio.Semaphore(pace.at_once)

    async def in_turn(case: Case) -> Result:
        async with turns:
            return await runner.run(case)

    together = [case for case in cases if not case.restarts_executor]
    results = await _all(map(in_turn, together))
    results += [await runner.run(case) for case in cases if case.restarts_executor]
    by_name = {result.case: result for result in results}
    return [by_name[case.name] for case in cases]


async def _all(calls: Iterable[Coroutine[Any, Any, Result]]) -> list[Result]:
    """Return the results of all; whatever ends this early, each has cleaned up before."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    if not tasks:
        return []
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    return [task.result() for task in tasks]


class _Runner:
    """What all cases of one call share."""

    def __init__(
        self, place: Place, image: str, limit_s: float, tell: Callable[[Result], None]
    ) -> None:
        self._place = place
        self._image = image
        self._limit_s = limit_s
        self._tell = tell
        self._namespace = f"conform-{uuid.uuid4().hex[:8]}"

    async def run(self, case: Case) -> Result:
        start = time.monotonic()
        state, why = await self._outcome(case)
        seconds = round(time.monotonic() - start, 3)
        result = Result(case=case.name, topic=case.topic, state=state, why=why, seconds=seconds)
        self._tell(result)
        return result

    async def _outcome(self, case: Case) -> tuple[State, tuple[str, ...]]:
        info = await self._place.executor.info()
        if why := missing(case, info):
            return "not supported", (why,)
        if why := not_granted(case, info):
            return "skipped", (why,)
        if case.restarts_executor and not self._place.restarts:
            return "skipped", ("would have to restart the executor",)
        if case.connects and not self._place.here:
            return "skipped", ("the executor is not on this machine",)
        if case.connects:
            case = with_free_ports(case)
        try:
            async with asyncio.timeout(self._limit_s):
                why_not = await self._differences(case)
        except MissedError as exc:
            why_not = [str(exc)]
        except ArgoexecError as exc:
            why_not = [f"{exc.code}: {exc.message}"]
        except TimeoutError:
            why_not = [f"not over after {self._limit_s:g} s"]
        return ("failed", tuple(why_not)) if why_not else ("ok", ())

    async def _differences(self, case: Case) -> list[str]:
        expected = case.expect
        try:
            request = to_request(case, self._namespace, self._image)
            record = await self._accepted(request)
        except ArgoexecError as exc:
            if expected.refused is None:
                raise
            return list(refusal_differs(exc, expected.refused))
        ref = record.ref
        try:
            if expected.refused:
                return [f"refusal with {expected.refused.code} expected, but it was accepted"]
            for step in case.steps:
                await take(step, self._place, request, ref)
            if expected.gone:
                return await self._not_gone(ref)
            record = await until_ended(self._place, ref)
            return differences(expected, record, await self._logs(case, record))
        finally:
            await self._delete(ref)

    async def _accepted(self, request: PodRequest) -> PodRecord:
        """Run the pod; one that is accepted while this is cancelled is deleted."""
        accepting = asyncio.ensure_future(self._place.executor.run_pod(request))
        try:
            return await asyncio.shield(accepting)
        except asyncio.CancelledError:
            with suppress(ArgoexecError):
                await self._delete((await accepting).ref)
            raise

    async def _not_gone(self, ref: PodRef) -> list[str]:
        try:
            await self._place.executor.get_pod(ref)
        except NotFoundError:
            return []
        return [f"pod {ref} is still there"]

    async def _logs(self, case: Case, record: PodRecord) -> Logs:
        expected = case.expect
        return {
            name: await self._log(record.ref, name)
            for name in {*expected.logs, *expected.stdout, *expected.stderr}
        }

    async def _log(self, ref: PodRef, container: str) -> list[LogRun]:
        query = LogQuery(container=container, follow=True)
        chunks = self._place.executor.pod_logs(ref, query)
        return [run async for chunk in chunks for run in chunk.runs()]

    async def _delete(self, ref: PodRef) -> None:
        executor = self._place.executor
        try:
            await executor.stop_pod(ref, 0)
            await executor.delete_pod(ref)
        except NotFoundError:
            return
