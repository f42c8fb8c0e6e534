"""Images from real registries on a real engine: logins, digests, slow and broken ones, removal."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from argoexec_cli.executors.local.images.settings import ImageSettings
from argoexec_cli.executors.local.manager import LocalExecutor, open_local
from argoexec_cli.models.config import Secret
from argoexec_cli.models.meta import ObjectMeta
from argoexec_cli.models.pod import PodSpec
from argoexec_cli.models.record import PodRecord, PodRequest
from argoexec_cli.models.sources import LocalObjectReference
from argoexec_cli.runtime.docker import DockerOptions, open_docker
from tests.engines import images
from tests.engines.docker import DockerEngine
from tests.engines.proxy import proxied
from tests.engines.registry import LOGIN, Registry
from tests.executors.local.opening import fast_settings
from tests.executors.pods import container, ended, eventually, reasons, request, run, until
from tests.runtime.docker.test_pull import build_on_busybox

pytestmark = pytest.mark.docker


class Bed:
    """An engine, a registry, and executors on one data directory."""

    def __init__(self, engine: DockerEngine, directory: Path) -> None:
        self.engine = engine
        self.config = directory / "docker" / "config.json"
        self.data_dir = directory / "data"
        self.stall_s = 20.0

    @asynccontextmanager
    async def executor(self, **changes: float) -> AsyncIterator[LocalExecutor]:
        settings = dataclasses.replace(
            fast_settings(self.data_dir),
            images=ImageSettings(
                docker_config=self.config,
                **{"backoff_s": 0.1, "patience_s": 0.1} | changes,  # type: ignore[arg-type] # numbers
            ),
        )
        options = DockerOptions(host=self.engine.url, pull_stall_s=self.stall_s)
        async with open_local(settings, lambda owner: open_docker(owner, options)) as executor:
            yield executor

            async def cleaned() -> bool:
                return not await executor.host.table.all("cleaned = 0")

            await eventually(cleaned)  # Secrets are mounts, which would stay

    def publish(self, where: Registry, name: str, source: str = images.BUSYBOX.name) -> str:
        """Push an image under a name that the engine then forgets."""
        full = f"{where.host}/registries/{name}:1"
        self.engine.api.push(source, full, login=where.login)
        self.engine.api.remove_image(full)
        return full

    def names(self) -> set[str]:
        """Return the names of all images of the engine."""
        listed = self.engine.api.call_json("GET", "/images/json")
        return {tag for one in listed for tag in one["RepoTags"] or ()}


@pytest.fixture
def bed(docker_engine: DockerEngine, tmp_path: Path) -> Iterator[Bed]:
    bed = Bed(docker_engine, tmp_path)
    bed.config.parent.mkdir()
    yield bed
    docker_engine.remove_containers()
    for name in bed.names():
        if "/registries/" in name:
            docker_engine.api.remove_image(name)


def pod(image: str, name: str = "a", *secrets: Secret) -> PodRequest:
    refs = tuple(LocalObjectReference(name=one.metadata.name) for one in secrets)
    spec = PodSpec(containers=(container("true", image=image),), image_pull_secrets=refs)
    return msgspec.structs.replace(request(name=name, spec=spec), secrets=secrets)


def auths(host: str, password: str) -> bytes:
    login = {"username": LOGIN[0], "password": password}
    return json.dumps({"auths": {host: login}}).encode()


def secret(host: str, password: str = LOGIN[1], name: str = "regcred") -> Secret:
    data = {".dockerconfigjson": auths(host, password)}
    return Secret(metadata=ObjectMeta(name=name), type="kubernetes.io/dockerconfigjson", data=data)


def outcome(record: PodRecord) -> tuple[str, str]:
    status = record.pod.status
    return status.phase, status.reason


async def test_a_private_image_by_the_pods_secret_and_nothing_of_it_stays(
    bed: Bed, private_registry: Registry
) -> None:
    name = bed.publish(private_registry, "secret")
    wrong = secret(private_registry.host, "guess-work", "wrong")
    async with bed.executor() as executor:
        refused = await run(executor, pod(name, "wrong", wrong))
        assert outcome(refused) == ("Failed", "ErrImagePull")
        assert "tried the login of secret wrong" in refused.pod.status.message
        both = (wrong, secret(private_registry.host))
        record = await run(executor, pod(name, "both", *both))
        assert outcome(record) == ("Succeeded", "")
    stored = b"".join(path.read_bytes() for path in bed.data_dir.rglob("*") if path.is_file())
    for word in (b"guess-work", LOGIN[1].encode()):
        assert word not in stored
        assert word.decode() not in repr((refused, record))


async def test_a_private_image_by_the_hosts_login_and_by_a_helper(
    bed: Bed, private_registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = bed.publish(private_registry, "host")
    async with bed.executor() as executor:
        record = await run(executor, pod(name, "nobody"))
        assert outcome(record) == ("Failed", "ErrImagePull")
        bed.config.write_bytes(auths(private_registry.host, LOGIN[1]))
        assert outcome(await run(executor, pod(name, "file"))) == ("Succeeded", "")
        bed.engine.remove_containers()
        bed.engine.api.remove_image(name)
        helper = bed.config.parent / "docker-credential-test"
        answer = json.dumps({"Username": LOGIN[0], "Secret": LOGIN[1]})
        helper.write_text(f"#!/bin/sh\necho '{answer}'\n")
        helper.chmod(0o755)
        monkeypatch.setenv("PATH", f"{helper.parent}:{os.environ['PATH']}")
        bed.config.write_text(json.dumps({"credHelpers": {private_registry.host: "test"}}))
        assert outcome(await run(executor, pod(name, "helper"))) == ("Succeeded", "")


async def test_what_cannot_heal_fails_at_once(bed: Bed, open_registry: Registry) -> None:
    """No such tag, repository or digest, no such host: without a second try."""
    known = bed.publish(open_registry, "known")
    repository = known.removesuffix(":1")
    wrong = [
        f"{repository}:2",
        f"{open_registry.host}/registries/unknown:1",
        f"{repository}@sha256:{'0' * 64}",
        "no-such-registry.invalid/app:1",
    ]
    async with bed.executor(patience_s=3600) as executor:
        for number, image in enumerate(wrong):
            record = await run(executor, pod(image, f"p{number}"))
            assert outcome(record) == ("Failed", "ErrImagePull"), record
            assert reasons(record).count("Failed") == 1


async def test_a_digest_names_the_image(bed: Bed, open_registry: Registry) -> None:
    name = bed.publish(open_registry, "digest")
    async with bed.executor() as executor:
        record = await run(executor, pod(name, "tag"))
        digest = record.pod.status.container_statuses[0].image_id
        assert digest.startswith("sha256:")
        by_digest = f"{name}@{digest}"
        record = await run(executor, pod(by_digest, "digest"))
        assert outcome(record) == ("Succeeded", "")
        assert record.pod.status.container_statuses[0].image_id == digest


async def test_a_registry_that_is_down_and_comes_back(bed: Bed, open_registry: Registry) -> None:
    name = bed.publish(open_registry, "down")
    await asyncio.to_thread(open_registry.stop)
    try:
        async with bed.executor(patience_s=60) as executor:
            ref = (await executor.run_pod(pod(name))).ref
            await until(executor, ref, lambda one: _waits(one) == "ImagePullBackOff")
            await asyncio.to_thread(open_registry.start)
            assert outcome(await ended(executor, ref)) == ("Succeeded", "")
    finally:
        await asyncio.to_thread(open_registry.stop)
        await asyncio.to_thread(open_registry.start)


async def test_a_slow_pull_is_told_of_and_a_stalled_one_given_up(
    bed: Bed, open_registry: Registry
) -> None:
    build_on_busybox(bed.engine, os.urandom(1_500_000).hex().encode())
    name = bed.publish(open_registry, "big", "argoexec/test:big").partition("/")[2]
    bed.engine.api.remove_image("argoexec/test:big")
    async with proxied(open_registry.port, bytes_per_s=500_000) as slow:
        async with bed.executor() as executor:
            ref = (await executor.run_pod(pod(f"{slow.host}/{name}"))).ref
            record = await until(executor, ref, lambda one: "iB/s" in _message(one))
            assert f"Pulling image {slow.host}/{name}: " in _message(record)
            assert " of 2 layers" in _message(record)
            slow.bytes_per_s = 0
            assert outcome(await ended(executor, ref)) == ("Succeeded", "")
            await executor.delete_pod(ref)
        bed.engine.api.remove_image(f"{slow.host}/{name}")
    bed.stall_s = 1.0
    async with (
        proxied(open_registry.port, stall_after=500_000) as stalling,
        bed.executor() as executor,
    ):
        record = await run(executor, pod(f"{stalling.host}/{name}", "stalled"))
        assert outcome(record) == ("Failed", "ErrImagePull")
        assert "has made no progress for 1 s" in record.pod.status.message


async def test_only_our_own_unused_images_are_removed(bed: Bed, open_registry: Registry) -> None:
    ours = bed.publish(open_registry, "ours")
    theirs = bed.publish(open_registry, "theirs")
    named = bed.publish(open_registry, "named")
    bed.engine.api.pull(theirs)
    async with bed.executor(max_age_s=0.001, min_age_s=0) as executor:
        for number, image in enumerate((ours, theirs, named)):
            record = await run(executor, pod(image, f"p{number}"))
            assert outcome(record) == ("Succeeded", "")

        async def cleaned() -> bool:
            return not await executor.host.table.all("cleaned = 0")

        await eventually(cleaned)
        repository = named.removesuffix(":1")
        bed.engine.api.call("POST", f"/images/{named}/tag?repo={repository}&tag=kept")
        holder = bed.engine.api.call_json("POST", "/containers/create", {"Image": ours})["Id"]
        await executor.host.collector.collect()
        assert {ours, theirs, f"{repository}:kept"} <= bed.names()
        bed.engine.api.remove_container(holder)
        await executor.host.collector.collect()
        assert ours not in bed.names()
        assert {theirs, f"{repository}:kept"} <= bed.names()
        disk = await executor.host.runtime.disk()  # type: ignore[attr-defined] # Docker's
        assert 0 < disk.available_bytes < disk.capacity_bytes


def _waits(record: PodRecord) -> str:
    waits = (one.state.waiting for one in record.pod.status.container_statuses)
    return next((one.reason for one in waits if one), "")


def _message(record: PodRecord) -> str:
    waits = (one.state.waiting for one in record.pod.status.container_statuses)
    return next((one.message for one in waits if one), "")
