"""The fake runtime: its small language, signals, and what it keeps of a runtime's contract."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from argoexec_cli.errors import InvalidError, NotFoundError, StartError, UnavailableError
from argoexec_cli.models.logs import STDERR, STDOUT, LogRun
from argoexec_cli.runtime.base import (
    ContainerKey,
    ContainerSpec,
    Handle,
    Image,
    ImagePull,
    Runtime,
    Sandbox,
    SandboxSpec,
)
from argoexec_cli.runtime.fake import FakeEngine, FakeRuntime, open_fake
from argoexec_cli.runtime.fake.script import parse_script, unescape
from tests.runtime.conformance import OWNER, Names, Reopen, RuntimeConformance


class TestFake(RuntimeConformance):
    """The suite, but for what needs a file system, limits, or a task that handles signals."""

    has_files = False
    traps_signals = False

    def task(self, what: str, *arguments: object) -> tuple[str, ...]:
        """Say it in the fake's words, which are fewer than a shell's."""
        if what == "count":
            return ("seq", "1", str(arguments[0]))
        if what == "tick":
            steps = range(1, int(str(arguments[0])) + 1)
            return ("sh", "-c", "; ".join(f"echo {number}; sleep 0.05" for number in steps))
        if what == "long":
            return ("sh", "-c", f"echo {'x' * int(str(arguments[0]))}; echo end")
        command = super().task(what, *arguments)
        return (*command[:2], command[2].replace("%%", "%"))

    @pytest_asyncio.fixture
    async def reopen(self) -> AsyncIterator[Reopen]:
        """Open a runtime on the engine of the test."""
        engine = FakeEngine()
        engine.images.add(self.image)
        yield lambda owner: open_fake(owner, engine)
        await engine.close()

    @pytest_asyncio.fixture
    async def runtime(self, reopen: Reopen) -> AsyncIterator[Runtime]:
        """Give the runtime under test."""
        async with reopen(OWNER) as runtime:
            yield runtime

    @pytest.fixture
    def names(self) -> Names:
        """Name images that the fake says it cannot have."""
        return Names(
            missing="missing:1",
            wrong_digest=f"busybox@sha256:{'0' * 64}",
            unreachable="unreachable/busybox:1",
        )


KEY = ContainerKey(pod_uid="uid", container="main")
SANDBOX = Sandbox(
    spec=SandboxSpec(
        key=ContainerKey(pod_uid="uid", container=""), pod_name="a", pod_namespace="n", hostname="a"
    )
)


def spec(*command: str) -> ContainerSpec:
    """Return a container that runs *command*."""
    return ContainerSpec(key=KEY, sandbox=SANDBOX, image=Image(id="x"), command=command)


@pytest_asyncio.fixture
async def runtime() -> AsyncIterator[FakeRuntime]:
    """Give a runtime on an engine of its own."""
    async with open_fake("owner") as runtime:
        yield runtime


async def run(runtime: FakeRuntime, script: str) -> tuple[int, list[LogRun]]:
    """Run a script to its end; returns its exit code and what it wrote."""
    handle = await runtime.start(spec("sh", "-c", script))
    exit_ = await runtime.wait(handle)
    runs = [run async for batch in runtime.logs(handle) for run in batch.runs]
    await runtime.remove(handle)
    return exit_.exit_code, runs


@pytest.mark.parametrize(
    ("script", "code", "out"),
    [
        ("echo a b; echo -n c", 0, b"a b\nc"),
        ("echo 'a;b' && echo \"c && d\"", 0, b"a;b\nc && d\n"),
        (r"printf 'a\r\n\0\xff'", 0, b"a\r\n\0\xff"),
        ("echo a\nfalse", 1, b"a\n"),
        ("false; exit", 1, b""),
        ("exit 300", 44, b""),
        ("kill -9 $$; echo never", 137, b""),
        ("hog", 137, b""),
        ("fill 2 3", 0, b"00\n01\n"),
        ("true; :; # a comment", 0, b""),
        ("sleep soon", 2, b""),
        ("echo 'open", 2, b""),
        ("exit x", 2, b""),
    ],
)
async def test_the_language(runtime: FakeRuntime, script: str, code: int, out: bytes) -> None:
    got, runs = await run(runtime, script)
    assert (got, b"".join(one.data for one in runs)) == (code, out)


async def test_streams_and_commands_that_are_not_there(runtime: FakeRuntime) -> None:
    code, runs = await run(runtime, "echo a; echo b >&2; nonsense x")
    assert code == 127
    assert [(one.stream, one.data) for one in runs] == [
        (STDOUT, b"a\n"),
        (STDERR, b"b\n"),
        (STDERR, b"sh: nonsense: not found\n"),
    ]
    for command in (("nonsense",), ("/usr/bin/nonsense", "x"), ("fail", "no", "such")):
        with pytest.raises(StartError):
            await runtime.start(spec(*command))
    assert not await runtime.list()


def test_escapes_and_plain_commands() -> None:
    assert unescape(r"a\tb\\n\x41\x00é") == b"a\tb\\nA\0\xc3\xa9"
    assert parse_script(()) == ()
    assert [one.verb for one in parse_script(("/bin/sleep", "5"))] == ["sleep"]


async def test_signals(runtime: FakeRuntime) -> None:
    handle = await runtime.start(spec("sh", "-c", "trap '' TERM; echo ready; sleep 60"))
    await anext(runtime.logs(handle))
    async with asyncio.timeout(30):
        await runtime.stop(handle, grace_s=0.02)
        await runtime.stop(handle, grace_s=60)
    assert (await runtime.wait(handle)).exit_code == 137
    await runtime.remove(handle)
    await runtime.remove(handle)
    assert (await runtime.wait(handle)).reason == "ContainerStatusUnknown"
    with pytest.raises(NotFoundError):
        await anext(runtime.logs(handle))


async def test_images(runtime: FakeRuntime) -> None:
    assert (await runtime.pull(ImagePull(image="busybox:1"))).id == "fake:busybox:1"
    for image, error in (
        ("missing:1", NotFoundError),
        ("a b", InvalidError),
        ("unreachable:1", UnavailableError),
        (f"x@sha256:{'0' * 64}", NotFoundError),
    ):
        with pytest.raises(error):
            await runtime.pull(ImagePull(image=image))


async def test_containers_outlive_the_runtime_and_belong_to_their_owner() -> None:
    engine = FakeEngine()
    async with open_fake("one", engine) as first:
        handle = await first.start(spec("sh", "-c", "echo a; sleep 0.02; echo b"))
        again = await first.start(spec("sh", "-c", "echo other"))
        assert handle == again
    async with open_fake("two", engine) as stranger:
        assert not await stranger.list()
        await stranger.remove(handle)
    async with open_fake("one", engine) as second:
        assert (await second.wait(handle)).exit_code == 0
        batches = [batch async for batch in second.logs(handle, "1")]
        assert [one.data for batch in batches for one in batch.runs] == [b"b\n"]
        assert [one.data async for batch in second.logs(handle) for one in batch.runs] == [
            b"a\n",
            b"b\n",
        ]
        assert [found.state for found in await second.list()] == ["exited"]
    await engine.close()


async def test_closing_the_engine_ends_everything() -> None:
    engine = FakeEngine()
    async with open_fake("one", engine) as runtime:
        handle = await runtime.start(spec("sleep", "60"))
        await asyncio.sleep(0)
    await engine.close()
    assert isinstance(handle, Handle)
