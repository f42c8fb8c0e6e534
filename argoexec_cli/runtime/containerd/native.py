"""containerd's own services: records of containers, their tasks, their roots, and what happens."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from typing import Any, Final

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.empty_pb2 import Empty
from grpc import aio

from argoexec_cli.errors import NotFoundError, UnavailableError
from argoexec_cli.rpc.gen.containerd.services import (
    containers_pb2,
    containers_pb2_grpc,
    events_pb2,
    events_pb2_grpc,
    images_pb2,
    images_pb2_grpc,
    snapshots_pb2,
    snapshots_pb2_grpc,
    tasks_pb2,
    tasks_pb2_grpc,
    version_pb2_grpc,
)
from argoexec_cli.rpc.gen.containerd.types import mount_pb2, task_pb2
from argoexec_cli.runtime.containerd.channel import METADATA, Channel, refusal
from argoexec_cli.runtime.containerd.refusals import FULL, START, refused

Mounts = Sequence[mount_pb2.Mount]
_SIGKILL: Final = 9
_EMPTY: Final = "google.protobuf.Empty"


class Native:
    """The calls, one method each. Every method may raise `UnavailableError`: no answer."""

    def __init__(self, channel: Channel) -> None:
        """Use *channel*."""
        self._channel = channel
        grpc = channel.grpc
        self._containers: Any = containers_pb2_grpc.ContainersStub(grpc)  # type: ignore[no-untyped-call] # generated
        self._tasks: Any = tasks_pb2_grpc.TasksStub(grpc)  # type: ignore[no-untyped-call] # generated
        self._snapshots: Any = snapshots_pb2_grpc.SnapshotsStub(grpc)  # type: ignore[no-untyped-call] # generated
        self._images: Any = images_pb2_grpc.ImagesStub(grpc)  # type: ignore[no-untyped-call] # generated
        self._events: Any = events_pb2_grpc.EventsStub(grpc)  # type: ignore[no-untyped-call] # generated
        self._version: Any = version_pb2_grpc.VersionStub(grpc)  # type: ignore[no-untyped-call] # generated

    async def version(self) -> str:
        """Ask for the program's version."""
        answer = await self._channel.call(self._version.Version, Empty(), "ask for the version")
        return str(answer.version)

    async def create_container(self, container: containers_pb2.Container) -> None:
        """Make a record. `AlreadyExistsError`."""
        request = containers_pb2.CreateContainerRequest(container=container)
        await self._channel.call(self._containers.Create, request, "create the container")

    async def container(self, container: str) -> containers_pb2.Container:
        """Look at a record. `NotFoundError`."""
        request = containers_pb2.GetContainerRequest(id=container)
        answer: containers_pb2.GetContainerResponse = await self._channel.call(
            self._containers.Get, request, f"look at container {container}"
        )
        return answer.container

    async def containers(self, label: str, value: str) -> list[containers_pb2.Container]:
        """Find the records that have a label with a value."""
        request = containers_pb2.ListContainersRequest(
            filters=[f"labels.{json.dumps(label)}=={json.dumps(value)}"]
        )
        answer: containers_pb2.ListContainersResponse = await self._channel.call(
            self._containers.List, request, "list containers"
        )
        return list(answer.containers)

    async def images_in_use(self) -> set[str]:
        """Return the images of all containers, whoever made them, by the names in their records."""
        answer: containers_pb2.ListContainersResponse = await self._channel.call(
            self._containers.List, containers_pb2.ListContainersRequest(), "list containers"
        )
        return {one.image for one in answer.containers if one.image}

    async def forget_name(self, name: str) -> None:
        """Forget one name of an image. Repeatable."""
        request = images_pb2.DeleteImageRequest(name=name)
        with suppress(NotFoundError):
            await self._channel.call(self._images.Delete, request, f"remove image {name}")

    async def delete_container(self, container: str) -> None:
        """Delete a record. `NotFoundError`."""
        request = containers_pb2.DeleteContainerRequest(id=container)
        await self._channel.call(self._containers.Delete, request, f"delete container {container}")

    async def prepare(self, snapshotter: str, key: str, parent: str) -> Mounts:
        """Make a root that can be written. `AlreadyExistsError`; `NotFoundError`: no *parent*."""
        request = snapshots_pb2.PrepareSnapshotRequest(
            snapshotter=snapshotter, key=key, parent=parent
        )
        answer: snapshots_pb2.PrepareSnapshotResponse = await self._channel.call(
            self._snapshots.Prepare, request, "make the container's files", FULL
        )
        return answer.mounts

    async def view(self, snapshotter: str, key: str, parent: str) -> Mounts:
        """Make a root that can be read. `AlreadyExistsError`; `NotFoundError`: no *parent*."""
        request = snapshots_pb2.ViewSnapshotRequest(snapshotter=snapshotter, key=key, parent=parent)
        answer: snapshots_pb2.ViewSnapshotResponse = await self._channel.call(
            self._snapshots.View, request, "look at the image's files", FULL
        )
        return answer.mounts

    async def remove_snapshot(self, snapshotter: str, key: str) -> None:
        """Delete a root. `NotFoundError`."""
        request = snapshots_pb2.RemoveSnapshotRequest(snapshotter=snapshotter, key=key)
        await self._channel.call(self._snapshots.Remove, request, f"delete the files of {key}")

    async def create_task(self, request: tasks_pb2.CreateTaskRequest) -> int:
        """Make a task; return its process id. `StartError`: its command cannot be started."""
        answer = await self._channel.call(self._tasks.Create, request, "start", START)
        return int(answer.pid)

    async def start_task(self, container: str) -> None:
        """Start a task that was made. `StartError`: its command cannot be started."""
        request = tasks_pb2.StartRequest(container_id=container)
        await self._channel.call(self._tasks.Start, request, "start", START)

    async def task(self, container: str) -> task_pb2.Process:
        """Look at a task. `NotFoundError`."""
        request = tasks_pb2.GetRequest(container_id=container)
        answer: tasks_pb2.GetResponse = await self._channel.call(
            self._tasks.Get, request, f"look at task {container}"
        )
        return answer.process

    async def tasks(self) -> dict[str, task_pb2.Process]:
        """Look at all tasks, whoever made them; by the ids of their containers."""
        answer: tasks_pb2.ListTasksResponse = await self._channel.call(
            self._tasks.List, tasks_pb2.ListTasksRequest(), "list tasks"
        )
        return {one.id: one for one in answer.tasks}

    async def kill(self, container: str, signal: int = _SIGKILL, *, everything: bool) -> None:
        """Send a signal to the main process, or to every one. `NotFoundError`: it has ended."""
        request = tasks_pb2.KillRequest(container_id=container, signal=signal, all=everything)
        await self._channel.call(self._tasks.Kill, request, f"send a signal to task {container}")

    async def delete_task(self, container: str) -> None:
        """Delete a task that has ended. `NotFoundError`; `PreconditionError`: it runs."""
        request = tasks_pb2.DeleteTaskRequest(container_id=container)
        await self._channel.call(self._tasks.Delete, request, f"delete task {container}")

    async def publish(self, topic: str) -> None:
        """Have an event without details be told to all who follow *topic*."""
        request = events_pb2.PublishRequest(topic=topic, event=AnyMessage(type_url=_EMPTY))
        await self._channel.call(self._events.Publish, request, "publish an event")

    async def events(self, filters: Sequence[str]) -> AsyncGenerator[events_pb2.Envelope, None]:
        """Tell of what happens from soon on. Ends with `UnavailableError`."""
        request = events_pb2.SubscribeRequest(filters=filters)
        call = self._events.Subscribe(request, metadata=METADATA)
        try:
            async for envelope in call:
                yield envelope
        except aio.AioRpcError as exc:
            raise refused(refusal(exc), "follow events", self._channel.address) from exc
        finally:
            call.cancel()
            # The library notes the end of a cancelled call in the background, in the order of
            # calls: with the answer to another one it is over.
            with suppress(UnavailableError):
                await self.version()
