"""Images from real registries on both engines: logins, digests, slow and broken ones, removal."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from argoexec_cli.models.config import Secret
from argoexec_cli.models.meta import ObjectMeta
from argoexec_cli.models.pod import PodSpec
from argoexec_cli.models.record import PodRecord, PodRequest
from argoexec_cli.models.sources import LocalObjectReference
from tests.engines.proxy import proxied
from tests.engines.registry import LOGIN, Registry
from tests.executors.local.beds import (
    Bed,
    ContainerdBed,
    DockerBed,
    auths,
    cleaned,
    forgotten,
    known,
)
from tests.executors.pods import container, ended, reasons, request, run, until


@pytest.fixture(
    params=[
        pytest.param("docker", marks=pytest.mark.docker),
        pytest.param("containerd", marks=pytest.mark.containerd),
    ]
)
def bed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bed]:
    """Give one engine after the other."""
    engine = request.getfixturevalue(f"{request.param}_engine")
    bed = (DockerBed if request.param == "docker" else ContainerdBed)(engine, tmp_path)
    yield bed
    bed.close()


def pod(image: str, name: str = "a", *secrets: Secret) -> PodRequest:
    refs = tuple(LocalObjectReference(name=one.metadata.name) for one in secrets)
    spec = PodSpec(containers=(container("true", image=image),), image_pull_secrets=refs)
    return msgspec.structs.replace(request(name=name, spec=spec), secrets=secrets)


def secret(host: str, password: str = LOGIN[1], name: str = "regcred") -> Secret:
    data = {".dockerconfigjson": auths(host, (LOGIN[0], password))}
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
        bed.config.write_bytes(auths(private_registry.host, LOGIN))
        assert outcome(await run(executor, pod(name, "file"))) == ("Succeeded", "")
        await cleaned(executor)
        bed.remove_image(name)
        await known(executor, name, there=False)
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
    async with (
        proxied(open_registry.port, bytes_per_s=500_000) as slow,
        bed.executor() as executor,
    ):
        name = (await bed.publish_big(executor, open_registry)).partition("/")[2]
        ref = (await executor.run_pod(pod(f"{slow.host}/{name}"))).ref
        record = await until(executor, ref, lambda one: "iB/s" in _message(one))
        assert f"Pulling image {slow.host}/{name}: " in _message(record)
        assert " of 1 layers" in _message(record)
        slow.bytes_per_s = 0
        assert outcome(await ended(executor, ref)) == ("Succeeded", "")
        await executor.delete_pod(ref)
        await forgotten(executor, f"{slow.host}/{name}")
    bed.stall_s = 1.0
    async with (
        proxied(open_registry.port, stall_after=500_000) as stalling,
        bed.executor() as executor,
    ):
        record = await run(executor, pod(f"{stalling.host}/{name}", "stalled"))
        assert outcome(record) == ("Failed", "ErrImagePull")
        told = r"has made no progress for 1 s|nothing has come from its registry for 1 s"
        assert re.search(told, record.pod.status.message)


async def test_only_our_own_unused_images_are_removed(bed: Bed, open_registry: Registry) -> None:
    ours = bed.publish(open_registry, "ours")
    theirs = bed.publish(open_registry, "theirs")
    named = bed.publish(open_registry, "named")
    bed.pull(theirs)
    async with bed.executor(max_age_s=0.001, min_age_s=0) as executor:
        await known(executor, theirs)
        for number, image in enumerate((ours, theirs, named)):
            record = await run(executor, pod(image, f"p{number}"))
            assert outcome(record) == ("Succeeded", "")
        await cleaned(executor)
        kept = f"{named.removesuffix(':1')}:kept"
        bed.tag(named, kept)
        await known(executor, kept)
        holder = bed.hold(ours)
        await executor.host.collector.collect()
        assert {ours, theirs, kept} <= bed.names()
        bed.release(holder)
        await executor.host.collector.collect()
        assert ours not in bed.names()
        assert {theirs, kept} <= bed.names()
        disk = await executor.host.runtime.disk()  # type: ignore[attr-defined] # a power of both
        assert 0 < disk.available_bytes < disk.capacity_bytes


def _waits(record: PodRecord) -> str:
    waits = (one.state.waiting for one in record.pod.status.container_statuses)
    return next((one.reason for one in waits if one), "")


def _message(record: PodRecord) -> str:
    waits = (one.state.waiting for one in record.pod.status.container_statuses)
    return next((one.message for one in waits if one), "")
