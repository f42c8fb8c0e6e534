"""What is removed by time: finished pods beyond what is kept, and containers of ours that no pod
knows.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from argoexec_cli.errors import ArgoexecError, NotFoundError
from argoexec_cli.executors.local import statuses
from argoexec_cli.executors.local.host import Host
from argoexec_cli.models.record import PodRef

_log = logging.getLogger(__name__)
_OVER = "cleaned = 1 AND deleting = 0 AND finished IS NOT NULL"

Delete = Callable[[PodRef], Awaitable[None]]


async def sweep_for_ever(host: Host, delete: Delete) -> None:
    """Sweep every `settings.sweep_s` seconds, until cancelled. A sweep that fails is logged and
    tried again.
    """
    while True:
        await asyncio.sleep(host.settings.sweep_s)
        try:
            await retire(host, delete)
            await reap(host)
            await host.collector.collect()
        except ArgoexecError as exc:
            _log.warning("sweep: %s", exc.message)


async def retire(host: Host, delete: Delete) -> int:
    """Delete finished pods that are older than the retention, or beyond the count or the bytes that
    are kept.
    """
    settings = host.settings
    oldest = statuses.now().timestamp() - settings.retention_s
    doomed = await host.table.refs(f"{_OVER} AND finished < ?", oldest)
    kept = await host.table.refs(f"{_OVER} AND finished >= ?", oldest)
    doomed += kept[: max(0, len(kept) - settings.max_finished)]
    doomed += await _beyond_bytes(host, kept[max(0, len(kept) - settings.max_finished) :])
    for ref in doomed:
        with contextlib.suppress(NotFoundError):
            await delete(ref)
    return len(doomed)


async def reap(host: Host) -> int:
    """Remove containers and sandboxes that carry our label, are not young, and belong to no pod
    that we know.
    """
    known = {ref.uid for ref in await host.table.refs("cleaned = 0")}
    reaped = 0
    for found in await host.runtime.list():
        age_s = (statuses.now() - found.created_at).total_seconds()
        if found.handle.key.pod_uid not in known and age_s > host.settings.reap_grace_s:
            _log.warning(
                "removing container %s, which belongs to no pod", found.handle.key.object_name
            )
            await host.runtime.remove(found.handle)
            reaped += 1
    return reaped


async def _beyond_bytes(host: Host, kept: list[PodRef]) -> list[PodRef]:
    """Return the oldest of *kept* whose logs are more than what may be kept in all."""
    left, doomed = host.settings.max_log_bytes, []
    sizes = await host.logs.sizes([ref.uid for ref in kept])
    for ref, size in zip(reversed(kept), reversed(sizes), strict=True):
        left -= size
        if left < 0:
            doomed.append(ref)
    return doomed
