"""Pods that wait for images: one pull for all of them, told of, tried again, given up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from argoexec_cli.errors import CapacityError, UnauthenticatedError
from argoexec_cli.executors.local.images.settings import ImageSettings
from argoexec_cli.executors.local.manager import LocalExecutor
from argoexec_cli.models.config import Secret
from argoexec_cli.models.meta import ObjectMeta
from argoexec_cli.models.pod import PodSpec
from argoexec_cli.models.record import PodQuery, PodRecord, PodRequest
from argoexec_cli.models.sources import LocalObjectReference
from argoexec_cli.runtime.base import Image, ImagePull, OnProgress, PullProgress, Runtime
from argoexec_cli.runtime.fake import FakeEngine
from tests.executors.local.faults import FlakyRuntime
from tests.executors.local.opening import Opener
from tests.executors.pods import container, ended, reasons, request, run, until

Pull = Callable[[ImagePull, OnProgress | None], Awaitable[Image]]


class Registry(FlakyRuntime):
    """A runtime whose pulls from a registry (those that are not `Never`) a test decides."""

    def __init__(self, inner: Runtime, pull: Pull) -> None:
        super().__init__(inner)
        self.asked: list[ImagePull] = []
        self._pull = pull

    async def pull(self, pull: ImagePull, on_progress: OnProgress | None = None) -> Image:
        if pull.policy == "Never":
            return await self.inner.pull(pull, on_progress)
        self.asked.append(pull)
        await self._pull(pull, on_progress)
        return await self.inner.pull(pull, on_progress)


async def with_registry(opener: Opener, pull: Pull) -> tuple[LocalExecutor, Registry]:
    made: list[Registry] = []

    def wrap(runtime: Runtime) -> Runtime:
        made.append(Registry(runtime, pull))
        return made[-1]

    opener.wrap = wrap
    return await opener.open(), made[-1]


def pod(image: str, name: str = "a", policy: str = "", *secrets: str) -> PodRequest:
    main = msgspec.structs.replace(container("true", image=image), image_pull_policy=policy)
    refs = tuple(LocalObjectReference(name=one) for one in secrets)
    return request(name=name, spec=PodSpec(containers=(main,), image_pull_secrets=refs))


def login(name: str, user: str, registry: str = "quay.io") -> Secret:
    config = {"auths": {registry: {"username": user, "password": "hunter2"}}}
    data = {".dockerconfigjson": json.dumps(config).encode()}
    return Secret(metadata=ObjectMeta(name=name), data=data)


def waiting_message(record: PodRecord) -> str:
    waits = (one.state.waiting for one in record.pod.status.container_statuses)
    return next((one.message for one in waits if one), "")


async def test_fifty_pods_share_one_pull(opener: Opener) -> None:
    gate = asyncio.Event()

    async def pull(wanted: ImagePull, on_progress: OnProgress | None) -> Image:
        await gate.wait()
        return Image(id="")

    opener.set(room=opener.settings.room._replace(max_pods=50))
    executor, registry = await with_registry(opener, pull)
    refs = [(await executor.run_pod(pod("quay.io/app:1", f"p{n}"))).ref for n in range(50)]
    for ref in refs:
        await until(executor, ref, lambda one: "Pulling" in waiting_message(one))
    gate.set()
    for ref in refs:
        assert (await ended(executor, ref)).pod.status.phase == "Succeeded"
    assert len(registry.asked) == 1


async def test_how_far_it_is_stands_in_the_status_and_not_in_events(opener: Opener) -> None:
    gate = asyncio.Event()

    async def pull(wanted: ImagePull, on_progress: OnProgress | None) -> Image:
        assert on_progress is not None
        for tenth in range(12):
            await asyncio.sleep(0.2)
            done = tenth << 20
            await on_progress(
                PullProgress(bytes_done=done, bytes_total=50 << 20, layers_done=1, layers_total=5)
            )
        await gate.wait()
        return Image(id="")

    executor, _ = await with_registry(opener, pull)
    ref = (await executor.run_pod(pod("quay.io/app:1"))).ref
    record = await until(executor, ref, lambda one: " of 5 layers" in waiting_message(one))
    text = waiting_message(record)
    assert text.startswith("Pulling image quay.io/app:1: ")
    assert " of 50 MiB, " in text
    assert "iB/s, 1 of 5 layers" in text
    gate.set()
    record = await ended(executor, ref)
    assert reasons(record).count("Pulling") == 1
    (pulled,) = [event.message for event in record.events if event.reason == "Pulled"]
    assert pulled.startswith("Successfully pulled image quay.io/app:1 in ")
    assert "5 layers)" in pulled


async def test_each_login_is_tried_and_then_named(opener: Opener) -> None:
    async def pull(wanted: ImagePull, on_progress: OnProgress | None) -> Image:
        if wanted.credentials and wanted.credentials.username == "right":
            return Image(id="")
        raise UnauthenticatedError(f"cannot pull {wanted.image}: unauthorized", hint="log in")

    executor, registry = await with_registry(opener, pull)
    secrets = (login("one", "wrong"), login("other", "x", "elsewhere.io"), login("two", "right"))
    wanted = pod("quay.io/app:1", "a", "", "one", "other", "two")
    record = await run(executor, msgspec.structs.replace(wanted, secrets=secrets))
    assert record.pod.status.phase == "Succeeded"
    users = [one.credentials.username if one.credentials else None for one in registry.asked]
    assert sorted(users, key=str) == ["right", "wrong"]

    wanted = pod("quay.io/app:2", "b", "", "one", "absent")
    record = await run(executor, msgspec.structs.replace(wanted, secrets=secrets[:1]))
    status = record.pod.status
    assert status.reason == "ErrImagePull"
    assert status.message.endswith("unauthorized; tried the login of secret one")
    (told,) = [e for e in record.events if e.reason == "FailedToRetrieveImagePullSecret"]
    assert told.message == 'secret "absent" not found'
    assert "hunter2" not in repr(record)


async def test_pods_with_other_logins_do_not_share_a_pull(opener: Opener) -> None:
    gate = asyncio.Event()

    async def pull(wanted: ImagePull, on_progress: OnProgress | None) -> Image:
        await gate.wait()
        if wanted.credentials is None:
            raise UnauthenticatedError("cannot pull: unauthorized", hint="log in")
        return Image(id="")

    executor, registry = await with_registry(opener, pull)
    without = await executor.run_pod(pod("quay.io/app:1", "without"))
    wanted = msgspec.structs.replace(
        pod("quay.io/app:1", "with", "", "one"), secrets=(login("one", "right"),)
    )
    having = await executor.run_pod(wanted)
    for record in (without, having):
        await until(executor, record.ref, lambda one: "Pulling" in waiting_message(one))
    gate.set()
    assert (await ended(executor, without.ref)).pod.status.reason == "ErrImagePull"
    assert (await ended(executor, having.ref)).pod.status.phase == "Succeeded"
    assert len(registry.asked) == 2


async def test_a_registry_that_comes_back_is_enough(opener: Opener, engine: FakeEngine) -> None:
    # A watcher that is held up sees the latest only: each state is to last a while.
    opener.set(images=ImageSettings(backoff_s=0.2, patience_s=60))
    faults = [CapacityError("no space left on device")] * 3

    async def pull(wanted: ImagePull, on_progress: OnProgress | None) -> Image:
        if faults:
            raise faults.pop()
        return Image(id="")

    executor, _ = await with_registry(opener, pull)
    ref = (await executor.run_pod(pod("quay.io/app:1"))).ref
    seen = set[str]()
    async for update in executor.watch_pods(PodQuery(name="a")):
        if update.record is None:
            continue
        for one in update.record.pod.status.container_statuses:
            seen.add(one.state.waiting.reason if one.state.waiting else "")
        if update.record.pod.status.terminal:
            break
    record = await executor.get_pod(ref)
    assert record.pod.status.phase == "Succeeded"
    assert "ImagePullBackOff" in seen
    assert reasons(record).count("Failed") == 3


@pytest.mark.parametrize(
    ("policy", "reason", "asked"),
    [("Never", "ErrImageNeverPull", 0), ("IfNotPresent", "", 1), ("Always", "", 2)],
)
async def test_the_pull_policy(opener: Opener, policy: str, reason: str, asked: int) -> None:
    async def pull(wanted: ImagePull, on_progress: OnProgress | None) -> Image:
        return Image(id="")

    executor, registry = await with_registry(opener, pull)
    for name in ("first", "second"):
        record = await run(executor, pod("quay.io/app:1", name, policy))
        assert record.pod.status.reason == reason
    assert len(registry.asked) == asked
