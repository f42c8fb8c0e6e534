"""What is done with a pod while it runs."""

from __future__ import annotations

import asyncio

from argoexec_cli.conformance.case import Step
from argoexec_cli.conformance.place import Place
from argoexec_cli.models.logs import LogQuery
from argoexec_cli.models.record import PodQuery, PodRecord, PodRef, PodRequest
from argoexec_cli.models.status import ContainerStatus


class MissedError(Exception):
    """A step did not go as it has to; the text says how."""


async def take(step: Step, place: Place, request: PodRequest, ref: PodRef) -> None:
    """Take one step and return when it is done. `MissedError` when it went wrong."""
    match step.do:
        case "wait":
            await _wait(step, place, ref)
        case "stop":
            await place.executor.stop_pod(ref, step.grace_seconds)
        case "delete":
            await place.executor.delete_pod(ref)
        case "submit":
            again = await place.executor.run_pod(request)
            if again.ref != ref:
                raise MissedError(f"the same request became another pod: {again.ref.uid}")
        case "restart":
            await place.restart()
        case "connect":
            await _connect(step)


async def until_ended(place: Place, ref: PodRef) -> PodRecord:
    """Return the pod once it is terminal."""
    return await _until(place, ref, Step(do="wait"))


async def _connect(step: Step) -> None:
    """Send the text; tried again while nobody listens yet."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", step.port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.write(step.send.encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        return


async def _wait(step: Step, place: Place, ref: PodRef) -> None:
    if step.log:
        await _until_written(step, place, ref)
        return
    record = await _until(place, ref, step)
    if not _reached(record, step):
        raise MissedError(f"the pod ended before the step: {step}")


async def _until_written(step: Step, place: Place, ref: PodRef) -> None:
    data = b""
    query = LogQuery(container=step.container, follow=True)
    async for chunk in place.executor.pod_logs(ref, query):
        data += chunk.data
        if step.log.encode() in data:
            return
    raise MissedError(f"{step.container} never wrote {step.log!r} but {data!r}")


async def _until(place: Place, ref: PodRef, step: Step) -> PodRecord:
    """Return the pod as soon as the step is reached, or the pod has ended."""
    query = PodQuery(namespace=ref.namespace, name=ref.name)
    async for update in place.executor.watch_pods(query):
        record = update.record
        if record is None or update.type == "DELETED" or record.ref.uid != ref.uid:
            continue
        if record.pod.status.terminal or _reached(record, step):
            return await place.executor.get_pod(ref)
    raise MissedError("the watch has ended")


def _reached(record: PodRecord, step: Step) -> bool:
    status = record.pod.status
    everything = (*status.init_container_statuses, *status.container_statuses)
    container = next((one for one in everything if one.name == step.container), None)
    told = {condition.type: condition.status for condition in status.conditions}
    tests = (
        (step.phase, status.phase == step.phase),
        (step.conditions, step.conditions.items() <= told.items()),
        (step.ready or step.waiting or step.restarts, container and _is(container, step)),
    )
    asked = [bool(reached) for wanted, reached in tests if wanted]
    return bool(asked) and all(asked)


def _is(container: ContainerStatus, step: Step) -> bool:
    waits = container.state.waiting
    return (
        (not step.ready or container.ready)
        and (not step.waiting or (waits is not None and waits.reason == step.waiting))
        and container.restart_count >= step.restarts
    )
