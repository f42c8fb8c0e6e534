"""The containers of one owner: start them, and say what is there.

The record is made first, with a name that follows from the key: what a crash leaves half-made is
found by it and made anew. The file `started` is written just before a container may begin to run;
what has it is never run again.
"""

from __future__ import annotations

import asyncio
import os
from datetime import UTC
from pathlib import Path, PurePosixPath
from typing import Final, Literal
from weakref import WeakValueDictionary

import msgspec

from argoexec_cli.errors import (
    AlreadyExistsError,
    ArgoexecError,
    InvalidError,
    NotFoundError,
    PreconditionError,
    StartError,
    UnavailableError,
)
from argoexec_cli.rpc.gen.containerd.services import containers_pb2, tasks_pb2
from argoexec_cli.rpc.gen.containerd.types import task_pb2
from argoexec_cli.runtime.base import ContainerKey, ContainerSpec, Found, Handle
from argoexec_cli.runtime.containerd.bpf import annotate
from argoexec_cli.runtime.containerd.bundles import Bundles
from argoexec_cli.runtime.containerd.exits import Exits
from argoexec_cli.runtime.containerd.files import making
from argoexec_cli.runtime.containerd.hostfiles import host_files
from argoexec_cli.runtime.containerd.images import Details, Images
from argoexec_cli.runtime.containerd.layout import Layout, container_id
from argoexec_cli.runtime.containerd.native import Native
from argoexec_cli.runtime.containerd.oci import render
from argoexec_cli.runtime.containerd.records import NETWORK, STOP_SIGNAL, record, task_options
from argoexec_cli.runtime.containerd.removal import Removal
from argoexec_cli.runtime.containerd.sandboxes import Sandboxes
from argoexec_cli.runtime.containerd.surroundings import Surroundings
from argoexec_cli.runtime.labels import OWNER, SPEC_HASH, from_labels, to_labels

State = Literal["created", "running", "exited"]
_STATES: Final[dict[int, State]] = {task_pb2.CREATED: "created", task_pb2.STOPPED: "exited"}
_TRIES: Final = 100
_PAUSE_S: Final = 0.1
"""Together ten seconds at least: what goes on for a caller that went away takes less."""


class Containers:
    """What containerd has under one owner's label; what is under another's is never touched."""

    def __init__(
        self,
        native: Native,
        place: tuple[Layout, Surroundings],
        images: Images,
        sandboxes: Sandboxes,
        exits: Exits,
    ) -> None:
        """Use the parts, which somebody else starts and ends."""
        self._native = native
        self._layout, self._surroundings = place
        self._images = images
        self._sandboxes = sandboxes
        self._exits = exits
        self._removal = Removal(native, self._layout, exits, self._surroundings.snapshotter)
        self._bundles = Bundles()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def start(self, spec: ContainerSpec) -> str:
        """Do what `Runtime.start` promises; return the container's id."""
        container = container_id(spec.key)
        async with self._lock(container):
            if self.may_have_run(container) and await self._resume(container, spec.key):
                return container
            _check_sources(spec)
            for _ in range(_TRIES):
                try:
                    await self._begin(container, spec)
                except AlreadyExistsError as exc:
                    if await self._resume(container, spec.key):
                        return container
                    await self._removal.discard(container)
                    self._bundles.clear_leftover(container, exc.message)
                    await asyncio.sleep(_PAUSE_S)
                else:
                    return container
        raise UnavailableError(
            f"the name of container {container} stays taken",
            hint="ctr --namespace k8s.io containers list",
        )

    async def remove(self, container: str) -> None:
        """Delete a container, running or not, with its log."""
        async with self._lock(container):
            await self._removal.discard(container)

    def may_have_run(self, container: str) -> bool:
        """Tell whether a container was, or is just being, started."""
        return self._layout.started(container).exists()

    async def list(self) -> list[Found]:
        """List the containers: two questions, however many there are."""
        records = await self._native.containers(OWNER, self._layout.owner)
        tasks = await self._native.tasks() if records else {}
        addresses = self._sandboxes.addresses()
        found = []
        for one in records:
            key = from_labels(dict(one.labels))
            if key is not None and key.container:
                state = self._state(one.id, tasks.get(one.id))
                found.append(_to_found(one, key, state, addresses))
        return found

    async def _begin(self, container: str, spec: ContainerSpec) -> None:
        """Make and start the container. `AlreadyExistsError`: there is something of it."""
        image = await self._images.details(spec.image.id)
        described = await self._describe(container, spec, image)
        await self._native.create_container(described)
        try:
            await self._launch(container, spec, image)
        except (UnavailableError, AlreadyExistsError):
            # It may have been done all the same; the next try finds out.
            raise
        except StartError as exc:
            await self._removal.discard(container)
            raise _not_started(spec, exc) from exc
        except ArgoexecError:
            await self._removal.discard(container)
            raise

    async def _describe(
        self, container: str, spec: ContainerSpec, image: Details
    ) -> containers_pb2.Container:
        shared = await self._sandboxes.shared(spec.sandbox, spec.security)
        labels = {
            **spec.labels,
            **to_labels(self._layout.owner, spec.key, spec.spec_hash),
            NETWORK: await self._sandboxes.network_of(spec.sandbox),
            STOP_SIGNAL: image.config.stop_signal,
        }
        files = host_files(spec, self._layout.containers / container)
        # As Docker has it, an inner mount comes on top of an outer one, whoever wants them.
        mounts = sorted(
            (*files, *spec.mounts), key=lambda one: len(PurePosixPath(one.target).parts)
        )
        spec = msgspec.structs.replace(spec, mounts=tuple(mounts))
        group, profile = self._layout.cgroup(container), self._surroundings.apparmor
        described = render(spec, image, shared, group, profile)
        if self._surroundings.is_crun:
            rules = described["linux"].get("seccomp")
            described["annotations"] = annotate(rules)
        return record(self._surroundings, container, labels, described, spec.image.id)

    async def _launch(self, container: str, spec: ContainerSpec, image: Details) -> None:
        stdout, stderr = self._layout.stdout(container), self._layout.stderr(container)
        stdin = stdout.with_name("stdin")
        with making(stdout.parent):
            stdout.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in (stdout, stderr):
                path.touch(mode=0o600)
            if spec.stdin and not stdin.exists():
                os.mkfifo(stdin, 0o600)  # the shim holds it open; nothing is ever written to it
        root = await self._native.prepare(self._surroundings.snapshotter, container, image.chain_id)
        await self._native.create_task(
            tasks_pb2.CreateTaskRequest(
                container_id=container,
                rootfs=root,
                stdout=str(stdout),
                stderr="" if spec.tty else str(stderr),
                stdin=str(stdin) if spec.stdin else "",
                terminal=spec.tty,
                options=task_options(self._surroundings),
                runtime_path=self._surroundings.shim,
            )
        )
        started = self._layout.started(container)
        with making(started):
            started.touch(mode=0o600)
        self._exits.expect(container, limited=spec.resources.memory_bytes > 0)
        await self._native.start_task(container)

    async def _resume(self, container: str, key: ContainerKey) -> bool:
        """Tell whether the container has run, or runs now; else it is to be made anew.

        `AlreadyExistsError` when one that is not ours has its name.
        """
        try:
            self._refuse_stranger(await self._native.container(container), key)
            if not self.may_have_run(container):
                return False
            process = await self._native.task(container)
        except NotFoundError:
            return self.may_have_run(container) and await self._is_recorded(container)
        if process.status == task_pb2.CREATED:
            await self._start_again(container)
        return True

    async def _is_recorded(self, container: str) -> bool:
        try:
            await self._native.container(container)
        except NotFoundError:
            return False
        return True

    async def _start_again(self, container: str) -> None:
        """Start what a process before us was about to start, or has started this moment."""
        try:
            await self._native.start_task(container)
        except (PreconditionError, NotFoundError):
            return

    def _refuse_stranger(self, found: containers_pb2.Container, key: ContainerKey) -> None:
        labels = dict(found.labels)
        if labels.get(OWNER) != self._layout.owner or from_labels(labels) != key:
            raise AlreadyExistsError(
                f"the name {found.id} is taken by a container that is not ours",
                hint=f"ctr --namespace k8s.io containers info {found.id}",
            )

    def _state(self, container: str, task: task_pb2.Process | None) -> State:
        if self._exits.has_ended(container):
            return "exited"
        if task is not None:
            return _STATES.get(task.status, "running")
        return "exited" if self.may_have_run(container) else "created"

    def _lock(self, container: str) -> asyncio.Lock:
        return self._locks.setdefault(container, asyncio.Lock())


def _to_found(
    one: containers_pb2.Container, key: ContainerKey, state: State, addresses: dict[str, str]
) -> Found:
    return Found(
        handle=Handle(id=one.id, key=key),
        state=state,
        spec_hash=one.labels.get(SPEC_HASH, ""),
        created_at=one.created_at.ToDatetime(UTC),
        ip=addresses.get(one.labels.get(NETWORK, ""), ""),
    )


def _check_sources(spec: ContainerSpec) -> None:
    """Refuse a mount of nothing before anything is made."""
    for mount in spec.mounts:
        if not Path(mount.source).exists():
            raise InvalidError(
                f"nothing to mount at {mount.target}: {mount.source} does not exist",
                hint=f"ls -ld {mount.source}",
            )


def _not_started(spec: ContainerSpec, error: StartError) -> StartError:
    """Name the program, which not every error does; not its arguments, which may hold secrets."""
    program = next(iter((*spec.command, *spec.args)), "the image's command")
    return StartError(f"{program}: {error.message}", hint=error.hint)
