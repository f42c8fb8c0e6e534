"""The daemons of a fleet, asked over gRPC: do they answer, and does a pod run to its end?"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from argoexec_cli.compute.events import OnStep, Source, Step
from argoexec_cli.compute.fleet.record import Runtime
from argoexec_cli.errors import ArgoexecError, PreconditionError, TimedOutError, UnavailableError
from argoexec_cli.models.connection import Endpoint
from argoexec_cli.models.executor import Executor, ExecutorInfo
from argoexec_cli.models.meta import ObjectMeta
from argoexec_cli.models.pod import Container, Pod, PodSpec, PullPolicy
from argoexec_cli.models.record import OutputsWanted, PodQuery, PodRecord, PodRequest
from argoexec_cli.runtime.standin import PAUSE_IMAGE

if TYPE_CHECKING:
    from argoexec_cli.rpc.channel import Connection

_BUSYBOX: Final = "busybox:1.36"
PROBE_IMAGES: Final[dict[Runtime, Sequence[str]]] = {
    # The daemon has made it for its pods' networks: no registry is asked.
    "docker": (PAUSE_IMAGE, _BUSYBOX),
    "containerd": (_BUSYBOX,),
}
_WORD: Final = "argoexec"
_HEALTH: Final = "daemon's health"
_PROBE: Final = "probe pod"
_PAUSE_S: Final = 0.3
_CONTACT_S: Final = 5.0
_PROBE_S: Final = 180.0
_IMAGE_TROUBLE: Final = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull")


def load() -> None:
    """Import what the functions here need, which takes a while; blocking."""
    import argoexec_cli.rpc.channel
    import argoexec_cli.rpc.client  # noqa: F401


async def ask(endpoint: Endpoint, *, timeout_s: float = _CONTACT_S) -> ExecutorInfo:
    """Return what the daemon says of itself; raises what `rpc.channel.connect` does."""
    from argoexec_cli.rpc.channel import connect

    async with connect(endpoint, timeout_s=timeout_s) as connection:
        return connection.info


@asynccontextmanager
async def reached(
    endpoint: Endpoint, subject: str, on_step: OnStep, *, limit_s: float = 60.0
) -> AsyncIterator[Connection]:
    """Give a connection to the daemon as soon as it answers. `TimedOutError` in the end."""
    async with AsyncExitStack() as opened:
        yield await _until_it_answers(opened, endpoint, subject, on_step, limit_s)


async def _until_it_answers(
    opened: AsyncExitStack, endpoint: Endpoint, subject: str, on_step: OnStep, limit_s: float
) -> Connection:
    from argoexec_cli.rpc.channel import connect

    on_step(Step(source="daemon", action=_HEALTH, state="started", subject=subject))
    began, told = time.monotonic(), ""
    while True:
        try:
            connection = await opened.enter_async_context(connect(endpoint, timeout_s=_CONTACT_S))
        except UnavailableError as exc:
            if time.monotonic() - began > limit_s:
                on_step(_failed("daemon", _HEALTH, subject, exc.message))
                raise TimedOutError(
                    f"{subject}: the daemon did not answer within {limit_s:g} s: {exc.message}",
                    hint="look at its log there: journalctl -u argoexec",
                ) from exc
            if exc.message != told:
                told = exc.message
                on_step(
                    Step(
                        source="daemon",
                        action=_HEALTH,
                        state="waiting",
                        subject=subject,
                        detail=exc.message,
                    )
                )
            await asyncio.sleep(_PAUSE_S)
        else:
            on_step(Step(source="daemon", action=_HEALTH, state="done", subject=subject))
            return connection


async def probe(
    connection: Connection,
    subject: str,
    on_step: OnStep,
    images: Sequence[str],
    load_stand_in: Callable[[], Awaitable[None]],
) -> None:
    """Run a pod that says a word, and see that it was heard; nothing of it stays.

    It is of the first of *images* that is to be had there; where none is, *load_stand_in* is
    awaited and it runs with what that loaded by the last one's name. `PreconditionError` says why
    a pod does not run there.
    """
    from argoexec_cli.rpc.client import RemoteExecutor

    on_step(Step(source="probe", action=_PROBE, state="started", subject=subject))
    trouble = ""

    def wait(detail: str) -> None:
        nonlocal trouble
        trouble = detail
        on_step(
            Step(source="probe", action=_PROBE, state="waiting", subject=subject, detail=detail)
        )

    try:
        async with asyncio.timeout(_PROBE_S):
            executor = RemoteExecutor(connection)
            for image in images:
                record = await _run(executor, wait, image, "IfNotPresent")
                if not _lacks_image(record):
                    break
                wait(f"{image} is not to be had there")
            else:
                wait(f"loading a stand-in for {image}")
                await load_stand_in()
                record = await _run(executor, wait, image, "Never")
    except TimeoutError as exc:
        on_step(_failed("probe", _PROBE, subject, "it did not end"))
        raise TimedOutError(
            f"{subject}: the probe pod did not end within {_PROBE_S:g} s: {trouble or 'no reason'}",
            hint="look at the daemon's log there: journalctl -u argoexec",
        ) from exc
    except ArgoexecError as exc:
        on_step(_failed("probe", _PROBE, subject, exc.message))
        raise
    _judge(record, subject, on_step)


def _judge(record: PodRecord, subject: str, on_step: OnStep) -> None:
    if record.outputs.result == _WORD:
        on_step(Step(source="probe", action=_PROBE, state="done", subject=subject))
        return
    why = record.pod.status.message or _waiting(record) or f"phase {record.pod.status.phase}"
    on_step(_failed("probe", _PROBE, subject, why))
    raise PreconditionError(
        f"{subject}: the daemon answers, but a pod does not run there: {why}",
        hint="look at the daemon's log there: journalctl -u argoexec",
    )


async def _run(
    executor: Executor, wait: Callable[[str], None], image: str, policy: PullPolicy
) -> PodRecord:
    """Run the pod until it has ended or its image is not to be had; forget it; return it.

    *wait* is told of what goes wrong meanwhile.
    """
    container = Container(
        name="main",
        image=image,
        command=("echo", _WORD),
        image_pull_policy=policy,
    )
    name = f"probe-{uuid.uuid4().hex[:8]}"
    spec = PodSpec(containers=(container,), restart_policy="Never")
    pod = Pod(metadata=ObjectMeta(name=name, namespace="argoexec-probe"), spec=spec)
    record = await executor.run_pod(PodRequest(pod=pod, outputs=OutputsWanted(result=True)))
    try:
        query = PodQuery(namespace="argoexec-probe", name=name)
        async for update in executor.watch_pods(query):
            if update.record is None:
                continue
            record = update.record
            for event in record.events:
                if event.type == "Warning" and not _lacks_image(record):
                    wait(event.message)
            if record.pod.status.terminal or _lacks_image(record):
                return record
    finally:
        await executor.delete_pod(record.ref)
    return record


def _lacks_image(record: PodRecord) -> bool:
    return _waiting_reason(record) in _IMAGE_TROUBLE


def _waiting_reason(record: PodRecord) -> str:
    main = next(iter(record.pod.status.container_statuses), None)
    return main.state.waiting.reason if main and main.state.waiting else ""


def _waiting(record: PodRecord) -> str:
    main = next(iter(record.pod.status.container_statuses), None)
    return main.state.waiting.message if main and main.state.waiting else ""


def _failed(source: Source, action: str, subject: str, detail: str) -> Step:
    return Step(source=source, action=action, state="failed", subject=subject, detail=detail)
