"""Pulling through real registries: what was fetched, who may, how far it is, when it hangs."""

from __future__ import annotations

import asyncio
import io
import os
import tarfile
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from argoexec_cli.errors import NotFoundError, UnauthenticatedError, UnavailableError
from argoexec_cli.runtime.base import Credentials, ImagePull, PullProgress
from argoexec_cli.runtime.docker import DockerOptions, open_docker
from argoexec_cli.runtime.docker.images import full_name
from argoexec_cli.runtime.docker.runtime import DockerRuntime
from tests.engines import images
from tests.engines.docker import DockerEngine
from tests.engines.registry import LOGIN, Registry
from tests.runtime.conformance.harness import within

pytestmark = pytest.mark.docker


@pytest_asyncio.fixture
async def runtime(docker_engine: DockerEngine) -> AsyncIterator[DockerRuntime]:
    """A runtime that is patient with pulls."""
    async with open_docker("pull", DockerOptions(host=docker_engine.url)) as runtime:
        yield runtime


def publish(engine: DockerEngine, where: Registry, repository: str) -> str:
    """Push an image under a name that the engine then forgets."""
    name = f"{where.host}/{repository}:1"
    engine.api.push(images.BUSYBOX.name, name, login=where.login)
    engine.api.remove_image(name)
    return name


async def test_pulled_says_whether_anything_was_fetched(
    docker_engine: DockerEngine, open_registry: Registry, runtime: DockerRuntime
) -> None:
    name = publish(docker_engine, open_registry, "pull/twice")
    first = await runtime.pull(ImagePull(image=name))
    again = await runtime.pull(ImagePull(image=name))
    always = await runtime.pull(ImagePull(image=name, policy="Always"))
    assert (first.pulled, again.pulled, always.pulled) == (True, False, False)
    assert first.id == again.id == always.id
    assert first.digest.startswith("sha256:")
    assert first.size_bytes > 1_000_000
    by_digest = f"{name.removesuffix(':1')}@{first.digest}"
    assert (await runtime.pull(ImagePull(image=by_digest))).id == first.id
    docker_engine.api.remove_image(name)
    assert (await runtime.pull(ImagePull(image=f"{name}@{first.digest}"))).digest == first.digest


async def test_the_images_user_is_told(runtime: DockerRuntime) -> None:
    users = [
        (await runtime.pull(ImagePull(image=image.name))).user
        for image in (images.BUSYBOX, images.USER, images.NAMED_USER)
    ]
    assert users == ["", "65534:65534", "nobody"]


async def test_credentials_open_a_private_registry_and_stay_secret(
    docker_engine: DockerEngine, private_registry: Registry, runtime: DockerRuntime
) -> None:
    name = publish(docker_engine, private_registry, "pull/private")
    for login in (None, Credentials(username=LOGIN[0], password="guess-work")):
        with pytest.raises(UnauthenticatedError, match="pull/private") as caught:
            await runtime.pull(ImagePull(image=name, credentials=login))
        assert "guess-work" not in str(caught.value) + caught.value.hint + repr(login)
    right = Credentials(username=LOGIN[0], password=LOGIN[1])
    assert (await runtime.pull(ImagePull(image=name, credentials=right))).pulled


async def test_progress_ends_with_all_layers_done(
    docker_engine: DockerEngine, open_registry: Registry, runtime: DockerRuntime
) -> None:
    layer = os.urandom(3_000_000).hex().encode()
    name = f"{open_registry.host}/pull/big:1"
    build_on_busybox(docker_engine, layer)
    docker_engine.api.push("argoexec/test:big", name)
    for known in (name, "argoexec/test:big"):
        docker_engine.api.remove_image(known)
    reports: list[PullProgress] = []

    async def note(progress: PullProgress) -> None:
        reports.append(progress)

    await within(runtime.pull(ImagePull(image=name), note))
    assert reports[-1].layers_done == reports[-1].layers_total >= 1
    assert reports[-1].bytes_done == reports[-1].bytes_total > 1_000_000
    done = [report.bytes_done for report in reports]
    assert done == sorted(done)
    docker_engine.api.remove_image(name)


def build_on_busybox(engine: DockerEngine, content: bytes) -> None:
    """Make argoexec/test:big: busybox with one more layer that holds *content*."""
    body: dict[str, Any] = {"Image": images.BUSYBOX.name, "Cmd": ["true"]}
    container = engine.api.call_json("POST", "/containers/create", body)["Id"]
    engine.api.call(
        "PUT",
        f"/containers/{container}/archive?path=/tmp",
        tar_of("big", content),
        "application/x-tar",
    )
    engine.api.call("POST", f"/commit?container={container}&repo=argoexec/test&tag=big")
    engine.api.remove_container(container)


def tar_of(name: str, content: bytes) -> bytes:
    """Put one file into an archive."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


async def test_a_registry_that_hangs_is_given_up(docker_engine: DockerEngine) -> None:
    over = asyncio.Event()
    options = DockerOptions(host=docker_engine.url, pull_stall_s=3)

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.transport.abort()

    async with (
        await asyncio.start_server(hang, "127.0.0.1", 0) as server,
        open_docker("hang", options) as runtime,
    ):
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(UnavailableError, match="no progress for 3 s"):
            await within(runtime.pull(ImagePull(image=f"127.0.0.1:{port}/hang:1")))
        over.set()


async def test_never_does_not_ask_the_registry(
    docker_engine: DockerEngine, open_registry: Registry, runtime: DockerRuntime
) -> None:
    name = publish(docker_engine, open_registry, "pull/never")
    with pytest.raises(NotFoundError, match="policy is Never"):
        await runtime.pull(ImagePull(image=name, policy="Never"))


@pytest.mark.parametrize(
    ("image", "meant"),
    [
        ("busybox", "busybox:latest"),
        ("host:5000/a/busybox", "host:5000/a/busybox:latest"),
        ("host:5000/a/busybox:1", "host:5000/a/busybox:1"),
        ("busybox@sha256:0", "busybox@sha256:0"),
    ],
)
def test_a_missing_tag_is_latest(image: str, meant: str) -> None:
    assert full_name(image) == meant
