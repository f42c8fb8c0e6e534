"""What is removed by time: pods that one daemon made in a cluster, when they ended long ago.

Others share the cluster, so every daemon has an id of its own, which its pods carry.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from argoexec_cli.errors import ArgoexecError, NotFoundError, PreconditionError
from argoexec_cli.executors.kubernetes import marks
from argoexec_cli.executors.kubernetes.records import ends_of, status_of
from argoexec_cli.executors.local import statuses
from argoexec_cli.files import replace_file
from argoexec_cli.kube.base import Kube, Object, Select
from argoexec_cli.kube.resources import PODS
from argoexec_cli.models.record import PodRef

_log = logging.getLogger(__name__)
_EVERY_S: Final = 600.0
_FILE: Final = "cluster-owner"

Delete = Callable[[PodRef], Awaitable[None]]


class Keeping(NamedTuple):
    """The daemon's pods are removed `seconds` after their end. Its id is in its data directory,
    once it has made a pod.
    """

    data_dir: Path
    seconds: float
    every_s: float = _EVERY_S

    def owner(self, *, make: bool) -> str:
        """Return the daemon's id; none yet is "", or, to *make* a pod, a new one.

        `PreconditionError` when it cannot be read or kept.
        """
        path = self.data_dir / _FILE
        try:
            if path.exists():
                return path.read_text().strip()
            owner = uuid.uuid4().hex if make else ""
            if owner:
                replace_file(path, f"{owner}\n".encode(), 0o600)
        except OSError as exc:
            hint = f"ls -ld {self.data_dir}"
            raise PreconditionError(f"{path}: {exc.strerror}", hint=hint) from exc
        return owner


async def sweep_for_ever(kube: Kube, keeping: Keeping, delete: Delete) -> None:
    """Sweep at once and now and then, until cancelled. What fails is logged, the first time, and
    tried again. Nothing is sent before there may be pods.
    """
    told = False
    while True:
        try:
            await retire(kube, keeping, delete)
            told = False
        except ArgoexecError as exc:
            if not told:
                _log.warning("cannot remove what has ended in the cluster: %s", exc.message)
            told = True
        await asyncio.sleep(keeping.every_s)


async def retire(kube: Kube, keeping: Keeping, delete: Delete) -> None:
    """Delete the daemon's pods that ended too long ago."""
    owner = keeping.owner(make=False)
    if not owner:
        return
    oldest = statuses.now() - timedelta(seconds=keeping.seconds)
    found = await kube.list(PODS, "", Select(f"{marks.OURS},{marks.OWNER}={owner}"))
    for pod in found.items:
        ended = _ended(pod)
        if ended is None or ended > oldest:
            continue
        meta = pod["metadata"]
        try:
            await delete(PodRef(namespace=meta["namespace"], name=meta["name"]))
        except NotFoundError:
            continue


def _ended(pod: Object) -> datetime | None:
    """Return when the pod ended; one that no node ever had, when it was made."""
    status = status_of(pod)
    if not status.terminal:
        return None
    times = [one.finished_at for one in ends_of(status) if one.finished_at is not None]
    return max(times, default=datetime.fromisoformat(pod["metadata"]["creationTimestamp"]))
