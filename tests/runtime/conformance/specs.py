"""Images, and what of a container's description reaches the task."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Literal

import pytest

from argoexec_cli.errors import InvalidError, NotFoundError, UnavailableError
from argoexec_cli.runtime.base import (
    ContainerKey,
    ImagePull,
    Mount,
    Resources,
    Runtime,
)
from tests.runtime.conformance.harness import (
    Harness,
    Names,
    read,
    sandbox_spec,
    text,
    within,
)


class ImageCases(Harness):
    """What `pull` does, and how it fails."""

    async def test_an_image_that_is_there_is_not_pulled(self, runtime: Runtime) -> None:
        policies: tuple[Literal["IfNotPresent", "Never"], ...] = ("IfNotPresent", "Never")
        for policy in policies:
            image = await runtime.pull(ImagePull(image=self.image, policy=policy))
            assert image.id
            assert not image.pulled

    @pytest.mark.parametrize("name", ["Not An Image", "UPPER:1"])
    async def test_a_name_that_is_none(self, runtime: Runtime, name: str) -> None:
        with pytest.raises(InvalidError, match=name):
            await runtime.pull(ImagePull(image=name))

    async def test_a_missing_image(self, runtime: Runtime, names: Names) -> None:
        with pytest.raises(NotFoundError, match=names.missing):
            await within(runtime.pull(ImagePull(image=names.missing)))

    async def test_a_missing_digest(self, runtime: Runtime, names: Names) -> None:
        with pytest.raises(NotFoundError, match=names.wrong_digest):
            await within(runtime.pull(ImagePull(image=names.wrong_digest)))

    async def test_a_registry_that_does_not_answer(self, runtime: Runtime, names: Names) -> None:
        with pytest.raises(UnavailableError, match=names.unreachable):
            await within(runtime.pull(ImagePull(image=names.unreachable)))

    async def test_never_pulls_nothing(self, runtime: Runtime, names: Names) -> None:
        with pytest.raises(NotFoundError):
            await runtime.pull(ImagePull(image=names.missing, policy="Never"))


class SpecCases(Harness):
    """What a task sees of its description; only where a container has files of its own."""

    entrypoint_image = "argoexec/test:entrypoint"
    """ENTRYPOINT `/bin/echo entrypoint`, CMD `cmd`, ENV FROM_IMAGE=yes, WORKDIR /tmp."""

    @pytest.fixture(autouse=True)
    def need_files(self, request: pytest.FixtureRequest) -> None:
        """Skip these cases where tasks have no file system."""
        if not self.has_files and request.function.__name__ in vars(SpecCases):
            pytest.skip("this runtime's containers have no files")

    @pytest.mark.parametrize(
        ("command", "args", "output"),
        [
            ((), (), b"entrypoint cmd\n"),
            ((), ("mine", "too"), b"entrypoint mine too\n"),
            (("/bin/echo",), (), b"\n"),
            (("/bin/echo", "own"), ("args",), b"own args\n"),
        ],
        ids=["image's", "args", "command", "both"],
    )
    async def test_command_and_args(
        self, runtime: Runtime, command: tuple[str, ...], args: tuple[str, ...], output: bytes
    ) -> None:
        end, seen = await self.run(runtime, command, args=args, image=self.entrypoint_image)
        assert (end.exit_code, seen) == (0, output)

    async def test_environment_adds_to_the_images_and_replaces_it(self, runtime: Runtime) -> None:
        show = self.task("sh", 'echo "$FROM_IMAGE,$MINE"')
        _, kept = await self.run(
            runtime, show, image=self.entrypoint_image, env=(("MINE", "a b=c\nd"),)
        )
        _, replaced = await self.run(
            runtime, show, image=self.entrypoint_image, env=(("FROM_IMAGE", ""), ("MINE", "$X"))
        )
        assert (kept, replaced) == (b"yes,a b=c\nd\n", b",$X\n")

    async def test_working_directory(self, runtime: Runtime) -> None:
        show = self.task("sh", "pwd")
        _, image_s = await self.run(runtime, show, image=self.entrypoint_image)
        _, own = await self.run(runtime, show, image=self.entrypoint_image, working_dir="/etc")
        assert (image_s, own) == (b"/tmp\n", b"/etc\n")

    async def test_mounts_in_order_and_read_only(self, runtime: Runtime, tmp_path: Path) -> None:
        outer, inner = tmp_path / "outer", tmp_path / "in:ner"
        for directory in (outer, inner):
            directory.mkdir()
        (inner / "file").write_text("from inside\n")
        mounts = (
            Mount(source=str(outer), target="/data"),
            Mount(source=str(inner), target="/data/in", read_only=True),
        )
        script = "cat /data/in/file; echo new >/data/made; echo no >/data/in/file || echo refused"
        end, output = await self.run(runtime, self.task("sh", script), mounts=mounts)
        assert (end.exit_code, output) == (0, b"from inside\nrefused\n")
        assert (outer / "made").read_text() == "new\n"
        assert (inner / "file").read_text() == "from inside\n"

    async def test_a_mount_without_source_is_refused(self, runtime: Runtime) -> None:
        mount = Mount(source=f"/no/such/{os.getpid()}", target="/data")
        with pytest.raises(InvalidError, match="/no/such"):
            await self.begin(runtime, self.task("exit", 0), mounts=(mount,))

    async def test_limits_reach_the_task(self, runtime: Runtime) -> None:
        if not runtime.capabilities.limits:
            pytest.skip("this runtime sets no limits")
        script = (
            "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.cfs_quota_us"
            " 2>/dev/null || cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max"
        )
        limits = Resources(cpu_millicores=250, memory_bytes=64 << 20)
        _, output = await self.run(runtime, self.task("sh", script), resources=limits)
        assert output.split()[:2] == [b"67108864", b"25000"]

    async def test_host_name_is_the_sandboxes(self, runtime: Runtime) -> None:
        spec = await self.spec(runtime, self.task("sh", "echo $HOSTNAME; hostname"))
        said = text(await read(runtime, await runtime.start(spec))).splitlines()
        assert said[0] == b"pod-host"
        # Where the caller mounts the network's files, the kernel may say something else.
        assert spec.sandbox.resolv_conf or said[1] == b"pod-host"

    async def test_a_shared_sandbox_is_one_network_and_host(self, runtime: Runtime) -> None:
        if not runtime.capabilities.shared_sandbox:
            pytest.skip("this runtime has no shared sandboxes")
        uid = uuid.uuid4().hex[:12]
        sandbox = await within(runtime.create_sandbox(sandbox_spec(uid, shared=True)))
        assert await within(runtime.create_sandbox(sandbox_spec(uid, shared=True))) == sandbox
        serve = self.task("sh", "echo from server | nc -l -p 8000")
        ask = self.task("sh", "hostname; until nc 127.0.0.1 8000 2>/dev/null; do sleep 0.05; done")
        keys = [ContainerKey(pod_uid=uid, container=name) for name in ("server", "client")]
        await self.begin(runtime, serve, key=keys[0], sandbox=sandbox)
        client = await self.begin(runtime, ask, key=keys[1], sandbox=sandbox)
        assert text(await read(runtime, client)) == b"pod-host\nfrom server\n"
        assert sandbox.ip
        found = {one.handle.key.container: one for one in await runtime.list()}
        assert found.keys() == {"", "server", "client"}
        assert (found[""].handle.id, found[""].ip) == (sandbox.id, sandbox.ip)
