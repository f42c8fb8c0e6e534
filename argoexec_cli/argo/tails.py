"""The ends of a pod's logs, for people who look at a task from Argo's side."""

from __future__ import annotations

import asyncio
from typing import Final

from argoexec_cli.argo.translate.result import LOG_BYTES
from argoexec_cli.errors import ArgoexecError
from argoexec_cli.models.executor import Executor
from argoexec_cli.models.logs import LogQuery
from argoexec_cli.models.record import PodRecord, PodRef

_LINES: Final = 100
_LIMIT_S: Final = 5.0


async def read_tails(executor: Executor, record: PodRecord) -> dict[str, str]:
    """Return the last `LOG_BYTES` of each main container's log, by container.

    A log that cannot be had is left out: the task's result does not depend on it.
    """
    names = [container.name for container in record.pod.spec.containers]
    texts = await asyncio.gather(*(_tail(executor, record.ref, name) for name in names))
    return dict(zip(names, texts, strict=True))


async def _tail(executor: Executor, ref: PodRef, container: str) -> str:
    query = LogQuery(container=container, tail_lines=_LINES)
    kept = b""
    try:
        async with asyncio.timeout(_LIMIT_S):
            async for chunk in executor.pod_logs(ref, query):
                kept = (kept + chunk.data)[-LOG_BYTES:]
    except (ArgoexecError, TimeoutError):
        return ""
    return kept.decode("utf-8", "ignore").replace("\0", "")
