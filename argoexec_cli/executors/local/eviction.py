"""A pod whose emptyDir volumes hold more than they may is ended (core/v1 emptyDir.sizeLimit).

As the kubelet, it looks from time to time: a task that ends before is not caught.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from argoexec_cli.executors.local.ending import Ending
from argoexec_cli.models.pod import PodSpec
from argoexec_cli.models.quantity import parse_bytes

EVICTED = "Evicted"


async def evict_if_full(
    spec: PodSpec, volumes: dict[str, Path], ending: Ending, every_s: float
) -> None:
    """Look at the volumes on the disk every so often, for ever, and wish the pod's end when one is
    too large. Cancel it when the pod has ended.
    """
    limits = {
        one.name: (str(one.empty_dir.size_limit), parse_bytes(str(one.empty_dir.size_limit)))
        for one in spec.volumes
        if one.empty_dir and one.empty_dir.medium == "" and one.empty_dir.size_limit
    }
    while limits and not ending.wanted:
        await asyncio.sleep(every_s)
        for name, (text, limit) in limits.items():
            if await asyncio.to_thread(_size, volumes[name]) > limit:
                message = f'Usage of EmptyDir volume "{name}" exceeds the limit "{text}". '
                ending.want(EVICTED, message, 0.0)
                return


def _size(directory: Path) -> int:
    """Return the bytes on the disk; what vanishes meanwhile does not count."""
    total = 0
    for place, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_blocks * 512
            except OSError:
                continue
    return total
