"""Removes images that we pulled and nobody uses: the old ones always, and when the disk is nearly
full those that were not used for longest.

The rules are the kubelet's (k8s.io/kubernetes, pkg/kubelet/images/image_gc_manager.go), with one
more: what we did not pull is not ours to remove.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from argoexec_cli.executors.local.images.pulls import Images
from argoexec_cli.executors.local.images.record import ImageRecord, OurImage
from argoexec_cli.executors.local.images.settings import ImageSettings
from argoexec_cli.models.quantity import format_bytes
from argoexec_cli.runtime.images import Disk, ImageStore, StoredImage

_log = logging.getLogger(__name__)


class Collector:
    """Looks after the images of one host. Without a store there is nothing to look after."""

    def __init__(
        self,
        store: ImageStore | None,
        images: Images,
        record: ImageRecord,
        settings: ImageSettings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Remove images of *store* that *record* says are ours and *images* does not need."""
        self._store = store
        self._images = images
        self._record = record
        self._settings = settings
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._warned = False

    async def collect(self) -> int:
        """Remove what may go; return the bytes that this frees. May be called at any time."""
        if self._store is None or not self._record.all():
            return 0
        async with self._one_at_a_time:
            stored = {image.id: image for image in await self._store.list_images()}
            await self._settle(stored)
            self._note_use(stored)
            await self._record.flush()
            freed = await self._remove_old(self._store, stored)
            return freed + await self._make_room(self._store, stored)

    async def _settle(self, stored: dict[str, StoredImage]) -> None:
        """Forget what is gone; find out what became of pulls that a killed daemon had begun."""
        for image in self._record.all():
            if image.id:
                if image.id not in stored:
                    await self._record.forget(image)
            elif not self._images.pulling(image.name):
                now_id = await self._images.id_of(image.name)
                if now_id in ("", image.before):
                    await self._record.forget(image)
                else:
                    await self._record.pulled(image.name, now_id, image.used)

    def _note_use(self, stored: dict[str, StoredImage]) -> None:
        for image in self._record.all():
            if image.id in stored and stored[image.id].in_use:
                self._record.touch(image.key, self._clock())

    async def _remove_old(self, store: ImageStore, stored: dict[str, StoredImage]) -> int:
        limit_s = self._settings.max_age_s
        if not limit_s:
            return 0
        old = [image for image in self._record.all() if self._unused_s(image) > limit_s]
        return sum([await self._remove(store, image, stored) for image in old])

    async def _make_room(self, store: ImageStore, stored: dict[str, StoredImage]) -> int:
        disk = await store.disk()
        if disk is None or _used_percent(disk) < self._settings.high_percent:
            self._warned = False
            return 0
        keep_free = disk.capacity_bytes * (100 - self._settings.low_percent) // 100
        wanted, freed = keep_free - disk.available_bytes, 0
        for image in self._record.all():
            if freed >= wanted or self._unused_s(image) < self._settings.min_age_s:
                break
            freed += await self._remove(store, image, stored)
        if freed < wanted and not self._warned:
            self._warned = True
            _log.warning(
                "the disk of %s is %d%% full; %s of unused images could be removed, %s were wanted",
                disk.path,
                _used_percent(disk),
                format_bytes(freed),
                format_bytes(wanted),
            )
        return freed

    async def _remove(
        self, store: ImageStore, image: OurImage, stored: dict[str, StoredImage]
    ) -> int:
        there = stored.get(image.id)
        if there is None or there.in_use:
            return 0
        with self._images.removing(image.key) as may:
            if not may or not await store.remove_image(image.name):
                return 0
            await self._record.forget(image)
        unused_s, size = self._unused_s(image), there.size_bytes
        _log.info("removed image %s (%s), unused %d s", image.name, format_bytes(size), unused_s)
        return size

    def _unused_s(self, image: OurImage) -> float:
        return self._clock() - image.used


def _used_percent(disk: Disk) -> int:
    """Return how full the disk is for whoever is not root, as `df` says it."""
    return 100 - disk.available_bytes * 100 // max(1, disk.capacity_bytes)
