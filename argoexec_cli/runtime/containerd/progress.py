"""How far a pull is, as containerd's store of content has it.

The interface that pulls says nothing before the end. But everything that is fetched is labelled
with the repository that it came from, a manifest refers to its layers by labels, and what is just
being written is listed with its length.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Coroutine, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeVar

from argoexec_cli.errors import UnavailableError
from argoexec_cli.rpc.gen.containerd.services import content_pb2, content_pb2_grpc
from argoexec_cli.runtime.base import OnProgress, PullProgress
from argoexec_cli.runtime.containerd.channel import Channel
from argoexec_cli.runtime.containerd.names import ImageName

_T = TypeVar("_T")
_EVERY_S: Final = 0.2
_SOURCE: Final = "containerd.io/distribution.source."
_LAYER: Final = "containerd.io/gc.ref.content.l."
_WRITTEN: Final = "layer-"


class Part(NamedTuple):
    """How much of a layer was there."""

    offset: int
    total: int


NOTHING: Final[Mapping[str, Part]] = MappingProxyType({})


class Look(NamedTuple):
    """What was seen at one time. `fetching`: something is on its way, or nothing is here yet."""

    progress: PullProgress
    fetching: bool
    parts: Mapping[str, Part]


class Content:
    """Looks at what containerd has of an image."""

    def __init__(self, channel: Channel) -> None:
        """Use *channel*."""
        self._channel = channel
        self._content: Any = content_pb2_grpc.ContentStub(channel.grpc)  # type: ignore[no-untyped-call] # generated

    async def look(self, name: ImageName, before: Mapping[str, Part] = NOTHING) -> Look:
        """Look at the layers of what was last pulled from the repository of *name*.

        Between its last byte and its label, a layer is in none of containerd's lists: it counts as
        what it was in the `parts` of the look *before*.
        """
        infos = await self._there(name)
        layers = _layers(infos.values())
        statuses = await self._written()
        done = {one: Part(infos[one].size, infos[one].size) for one in layers if one in infos}
        moving = {one: Part(statuses[one].offset, statuses[one].total) for one in statuses}
        known = {**before, **moving, **done}
        parts = {one: known[one] for one in layers if one in known}
        progress = PullProgress(
            bytes_done=sum(part.offset for part in parts.values()),
            bytes_total=sum(part.total for part in parts.values()),
            layers_done=len(done),
            layers_total=len(layers),
        )
        return Look(progress, len(done) < len(layers) or not layers, parts)

    async def _there(self, name: ImageName) -> dict[str, content_pb2.Info]:
        # containerd leaves a registry's port out of the label.
        label = json.dumps(_SOURCE + name.registry.partition(":")[0])
        pattern = json.dumps(f"(^|,){re.escape(name.repository)}(,|$)")
        request = content_pb2.ListContentRequest(filters=[f"labels.{label}~={pattern}"])
        answers = await self._channel.gather(self._content.List, request, "look at a pull")
        return {info.digest: info for answer in answers for info in answer.info}

    async def _written(self) -> dict[str, content_pb2.Status]:
        answer: content_pb2.ListStatusesResponse = await self._channel.call(
            self._content.ListStatuses, content_pb2.ListStatusesRequest(), "look at a pull"
        )
        return {one.ref.removeprefix(_WRITTEN): one for one in answer.statuses}


async def watched(pull: Coroutine[Any, Any, _T], look: Coroutine[Any, Any, None]) -> _T:
    """Await *pull* while *look* looks at it; what *look* raises ends the pull."""
    pulling, looking = asyncio.ensure_future(pull), asyncio.ensure_future(look)
    try:
        await asyncio.wait({pulling, looking}, return_when=asyncio.FIRST_COMPLETED)
        if not pulling.done():
            looking.result()
        return await pulling
    finally:
        for task in (pulling, looking):
            task.cancel()
        await asyncio.gather(pulling, looking, return_exceptions=True)


async def report(
    content: Content, name: ImageName, on_progress: OnProgress | None, stall_s: float
) -> None:
    """Report how far the pull of *name* is, for ever. `UnavailableError` when nothing has come for
    *stall_s*; unpacking what has come may take longer.
    """
    loop = asyncio.get_running_loop()
    last, parts, moved_s = PullProgress(), NOTHING, loop.time()
    while True:
        await asyncio.sleep(_EVERY_S)
        try:
            now = await content.look(name, parts)
        except UnavailableError:
            continue  # the pull will tell
        parts = now.parts
        if now.progress != last or not now.fetching:
            moved_s = loop.time()
        if now.progress != last:
            last = now.progress
            if on_progress:
                await on_progress(last)
        if loop.time() - moved_s > stall_s:
            raise UnavailableError(
                f"cannot pull {name}: nothing has come from its registry for {stall_s:g} s",
                hint="check the network and the registry, then try again",
            )


def _layers(infos: Iterable[content_pb2.Info]) -> list[str]:
    """Return the layers of the manifest that was touched last."""
    manifests = [info for info in infos if any(label.startswith(_LAYER) for label in info.labels)]
    if not manifests:
        return []
    newest = max(manifests, key=lambda info: info.updated_at.ToNanoseconds())
    found = {value for label, value in newest.labels.items() if label.startswith(_LAYER)}
    return sorted(found)
