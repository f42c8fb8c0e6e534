"""Engines with images of registries, as tests of pulls see them: publish one, see what there is.

What an engine does by its own client is what somebody else does, who knows nothing of us.
"""

from __future__ import annotations

import contextlib
import json
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import msgspec

from argoexec_cli.errors import NotFoundError
from argoexec_cli.executors.local.images.settings import ImageSettings
from argoexec_cli.executors.local.manager import LocalExecutor, open_local
from argoexec_cli.runtime.base import ImagePull, Runtime
from argoexec_cli.runtime.containerd import ContainerdOptions, open_containerd
from argoexec_cli.runtime.docker import DockerOptions, open_docker
from argoexec_cli.runtime.images import image_store_of
from argoexec_cli.runtime.standin import BUSYBOX, StandInImage, docker_archive
from tests.engines import images
from tests.engines.containerd import ContainerdEngine
from tests.engines.docker import DockerEngine
from tests.engines.registry import Registry
from tests.executors.local.opening import fast_settings
from tests.executors.pods import eventually

BIG = "argoexec/test:big"


class Bed(ABC):
    """An engine, and executors on one data directory."""

    engine: DockerEngine | ContainerdEngine

    def __init__(self, directory: Path) -> None:
        """Nothing is opened yet."""
        self.config = directory / "docker" / "config.json"
        self.config.parent.mkdir()
        self.data_dir = directory / "data"
        self.program = directory / "big"
        self.stall_s = 20.0

    @asynccontextmanager
    async def executor(self, **changes: float) -> AsyncIterator[LocalExecutor]:
        """Give an executor that gives up soon."""
        settings = msgspec.structs.replace(
            fast_settings(self.data_dir),
            images=ImageSettings(
                docker_config=self.config,
                **{"backoff_s": 0.1, "patience_s": 0.1} | changes,  # type: ignore[arg-type] # numbers
            ),
        )
        async with open_local(settings, self.open) as executor:
            yield executor
            await cleaned(executor)  # Secrets are mounts, which would stay

    @abstractmethod
    def open(self, owner: str) -> AbstractAsyncContextManager[Runtime]:
        """Open the runtime."""

    @abstractmethod
    def push(self, source: str, target: str, login: tuple[str, str] | None) -> None:
        """Push an image under a name that the engine does not keep."""

    @abstractmethod
    def load(self, archive: bytes) -> None:
        """Load images from an archive."""

    @abstractmethod
    def names(self) -> set[str]:
        """Return the names of all images."""

    @abstractmethod
    def remove_image(self, name: str) -> None:
        """Forget the name, whoever uses it."""

    @abstractmethod
    def pull(self, name: str) -> None:
        """Pull an image."""

    @abstractmethod
    def tag(self, name: str, other: str) -> None:
        """Give an image another name."""

    @abstractmethod
    def hold(self, name: str) -> str:
        """Make a container from the image; it is never started."""

    @abstractmethod
    def release(self, holder: str) -> None:
        """Remove that container."""

    def publish(self, where: Registry, name: str, source: str = images.BUSYBOX.name) -> str:
        """Push an image under a name that the engine then does not know."""
        full = f"{where.host}/registries/{name}:1"
        self.push(source, full, where.login)
        return full

    async def publish_big(self, executor: LocalExecutor, where: Registry) -> str:
        """Push an image with a layer of megabytes that the engine then does not have."""
        self.program.write_bytes(BUSYBOX.read_bytes() + os.urandom(3_000_000))
        self.load(docker_archive([StandInImage(name=BIG)], binary=self.program))
        name = self.publish(where, "big", BIG)
        await known(executor, BIG)
        await forgotten(executor, BIG)
        return name

    def close(self) -> None:
        """Remove containers and images."""
        self.engine.remove_containers()
        for name in self.names():
            if "/registries/" in name:
                self.remove_image(name)


class DockerBed(Bed):
    """On Docker Engine."""

    def __init__(self, engine: DockerEngine, directory: Path) -> None:
        super().__init__(directory)
        self.engine: DockerEngine = engine

    def open(self, owner: str) -> AbstractAsyncContextManager[Runtime]:
        return open_docker(owner, DockerOptions(host=self.engine.url, pull_stall_s=self.stall_s))

    def push(self, source: str, target: str, login: tuple[str, str] | None) -> None:
        self.engine.api.push(source, target, login=login)
        self.remove_image(target)

    def load(self, archive: bytes) -> None:
        self.engine.api.load(archive)

    def names(self) -> set[str]:
        listed = self.engine.api.call_json("GET", "/images/json")
        return {tag for one in listed for tag in one["RepoTags"] or ()}

    def remove_image(self, name: str) -> None:
        self.engine.api.remove_image(name)

    def pull(self, name: str) -> None:
        self.engine.api.pull(name)

    def tag(self, name: str, other: str) -> None:
        repository, _, tag = other.rpartition(":")
        self.engine.api.call("POST", f"/images/{name}/tag?repo={repository}&tag={tag}")

    def hold(self, name: str) -> str:
        made = self.engine.api.call_json("POST", "/containers/create", {"Image": name})
        return str(made["Id"])

    def release(self, holder: str) -> None:
        self.engine.api.remove_container(holder)


class ContainerdBed(Bed):
    """On containerd."""

    def __init__(self, engine: ContainerdEngine, directory: Path) -> None:
        super().__init__(directory)
        self.engine: ContainerdEngine = engine

    def open(self, owner: str) -> AbstractAsyncContextManager[Runtime]:
        options = ContainerdOptions(
            host=self.engine.url,
            cgroup_parent=self.engine.cgroup_parent,
            pull_stall_s=self.stall_s,
        )
        return open_containerd(owner, self.engine.pods, options)

    def push(self, source: str, target: str, login: tuple[str, str] | None) -> None:
        self.engine.push(source, target, login=login)

    def load(self, archive: bytes) -> None:
        self.engine.load(archive)

    def names(self) -> set[str]:
        return set(self.engine.ctr("images", "list", "--quiet").split())

    def remove_image(self, name: str) -> None:
        self.engine.ctr("images", "remove", "--sync", name)

    def pull(self, name: str) -> None:
        self.engine.ctr("images", "pull", "--plain-http", name)

    def tag(self, name: str, other: str) -> None:
        self.engine.ctr("images", "tag", name, other)

    def hold(self, name: str) -> str:
        self.engine.ctr("containers", "create", name, "holder")
        return "holder"

    def release(self, holder: str) -> None:
        self.engine.ctr("containers", "delete", holder)


async def cleaned(executor: LocalExecutor) -> None:
    """Wait until nothing of the pods that have ended is left in the runtime."""

    async def is_cleaned() -> bool:
        return not await executor.host.table.all("cleaned = 0")

    await eventually(is_cleaned)


async def known(executor: LocalExecutor, name: str, *, there: bool = True) -> None:
    """Wait until the runtime knows an image that somebody else has brought, or no more: containerd
    tells its interface for pods by and by.
    """

    async def is_so() -> bool:
        found = False
        with contextlib.suppress(NotFoundError):
            found = bool(await executor.host.runtime.pull(ImagePull(image=name, policy="Never")))
        return found == there

    await eventually(is_so)


async def forgotten(executor: LocalExecutor, name: str) -> None:
    """Have the engine forget an image with its layers, once nothing uses it any more."""
    store = image_store_of(executor.host.runtime)
    assert store is not None

    async def removed() -> bool:
        return await store.remove_image(name)

    await eventually(removed)


def auths(host: str, login: tuple[str, str]) -> bytes:
    """Return a config.json of Docker's with a login."""
    user, password = login
    return json.dumps({"auths": {host: {"username": user, "password": password}}}).encode()
