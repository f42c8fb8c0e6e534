"""The conformance suite on containerd, with each program that may make its containers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest
import pytest_asyncio

from argoexec_cli.models.logs import STDERR, STDOUT
from argoexec_cli.runtime.base import ContainerKey, Runtime, SandboxSpec, Security
from argoexec_cli.runtime.containerd import ContainerdOptions, open_containerd
from tests.engines import containerd, images
from tests.engines.availability import need
from tests.engines.containerd import ContainerdEngine
from tests.engines.registry import Registry
from tests.runtime.conformance import OWNER, Names, Reopen, RuntimeConformance
from tests.runtime.conformance.harness import read, read_until, runs, sandbox_spec, text, within

pytestmark = pytest.mark.containerd


class OnContainerd(RuntimeConformance):
    """The fixtures of the suite, over the fixture `engine`."""

    @pytest.fixture
    def reopen(self, engine: ContainerdEngine) -> Reopen:
        """Open a runtime on the engine of the test process."""
        options = ContainerdOptions(host=engine.url, cgroup_parent=engine.cgroup_parent)
        return lambda owner: open_containerd(owner, engine.pods, options)

    @pytest_asyncio.fixture
    async def runtime(self, reopen: Reopen) -> AsyncIterator[Runtime]:
        """Give the runtime under test."""
        async with reopen(OWNER) as runtime:
            yield runtime

    @pytest.fixture
    def names(self, engine: ContainerdEngine, open_registry: Registry) -> Names:
        """Name images of a registry that is there, and one of a port where nobody listens."""
        present = f"{open_registry.host}/conformance/busybox:1"
        engine.push(images.BUSYBOX.name, present)
        return Names(
            missing=f"{open_registry.host}/conformance/busybox:2",
            wrong_digest=f"{open_registry.host}/conformance/busybox@sha256:{'1' * 64}",
            unreachable="127.0.0.1:1/conformance/busybox:1",
        )

    async def test_calls_that_are_not_for_containers_are_refused(self, runtime: Runtime) -> None:
        # A user namespace is for anybody, but for the rules of seccomp.
        script = "grep ^Seccomp: /proc/self/status; unshare -U true || echo refused"
        handle = await self.begin(runtime, self.task("sh", script))
        printed = text(await read(runtime, handle), STDOUT)
        assert printed.split() == [b"Seccomp:", b"2", b"refused"]


@pytest.fixture(scope="module")
def crun_engine(pytestconfig: pytest.Config) -> Iterator[ContainerdEngine]:
    """Give an engine of this module's own."""
    need(pytestconfig, *containerd.PROGRAMS, "crun")
    with ContainerdEngine(runtime="crun") as engine:
        yield engine


class TestContainerd(OnContainerd):
    """With Debian's own choice of a program, runc."""

    @pytest.fixture
    def engine(self, containerd_engine: ContainerdEngine) -> ContainerdEngine:
        """Give the engine of the test process."""
        return containerd_engine

    async def test_streams_are_told_apart_however_fast(self, runtime: Runtime) -> None:
        script = "for i in $(seq 2000); do echo out $i; echo err $i >&2; done"
        handle = await self.begin(runtime, self.task("sh", script))
        batches = await read(runtime, handle)
        for stream, name in ((STDOUT, "out"), (STDERR, "err")):
            lines = "".join(f"{name} {number}\n" for number in range(1, 2001))
            assert text(batches, stream) == lines.encode()
        times = [run.time_ns for run in runs(batches)]
        assert times == sorted(times)

    async def test_a_single_container_of_a_pod_has_its_address_at_once(
        self, runtime: Runtime
    ) -> None:
        spec = await self.spec(runtime, self.task("sh", "ip -4 address show eth0"))
        handle = await runtime.start(spec)
        assert f"inet {spec.sandbox.ip}/".encode() in text(await read(runtime, handle))
        assert [found.ip for found in await runtime.list()] == [spec.sandbox.ip]

    async def test_a_network_is_lent_again_unless_a_pod_could_change_it(
        self, runtime: Runtime
    ) -> None:
        seen = []
        for security in (Security(), Security(add_capabilities=("NET_ADMIN",)), Security()):
            spec = await self.spec(runtime, self.task("exit", 0), security=security)
            handle = await runtime.start(spec)
            await within(runtime.wait(handle))
            await runtime.remove(handle)
            key = ContainerKey(pod_uid=spec.key.pod_uid, container="")
            await runtime.remove(msgspec.structs.replace(handle, id=spec.sandbox.id, key=key))
            seen.append(spec.sandbox.id)
        assert seen[0] == seen[1] != seen[2]

    async def test_nothing_but_the_pod_s_own_is_seen_and_done(self, runtime: Runtime) -> None:
        script = (
            "grep -h -e ^Seccomp: /proc/self/status; cat /proc/self/oom_score_adj;"
            " cat /proc/timer_list /proc/keys 2>/dev/null | wc -c;"
            " mount -t tmpfs x /tmp 2>/dev/null; echo $?"
        )
        _, said = await self.run(runtime, self.task("sh", script))
        seccomp, oom, hidden, mounted = said.decode().splitlines()
        assert (seccomp.split()[1], oom, hidden) == ("2", "0", "0")
        assert mounted != "0"

    async def test_privileged_is_the_host_without_limits(self, runtime: Runtime) -> None:
        script = "grep -h -e ^Seccomp: -e CapEff /proc/self/status; test -w /sys; echo $?; ls /dev"
        _, said = await self.run(
            runtime, self.task("sh", script), security=Security(privileged=True)
        )
        capabilities, seccomp, writable, *devices = said.decode().splitlines()
        assert int(capabilities.split()[1], 16) >> 21 & 1, "SYS_ADMIN"
        assert (seccomp.split()[1], writable) == ("0", "0")
        assert len(devices) > 15

    async def test_shared_memory_and_queues_are_the_pods(self, runtime: Runtime) -> None:
        spec = await self.spec(runtime, self.task("sh", "echo x >/dev/shm/x; sleep 600"))
        sandbox = await runtime.create_sandbox(sandbox_spec(spec.key.pod_uid, shared=True))
        await runtime.start(msgspec.structs.replace(spec, sandbox=sandbox))
        other = msgspec.structs.replace(
            spec,
            key=msgspec.structs.replace(spec.key, container="other"),
            sandbox=sandbox,
            command=self.task("sh", "until cat /dev/shm/x 2>/dev/null; do sleep 0.02; done"),
        )
        assert text(await read(runtime, await runtime.start(other))) == b"x\n"

    async def test_processes_are_shared_by_a_holder_that_keeps_nothing_else(
        self, runtime: Runtime
    ) -> None:
        spec = await self.spec(runtime, self.task("sh", "sleep 97.5; exit 4"))
        wanted = SandboxSpec(
            key=msgspec.structs.replace(spec.key, container=""),
            pod_name="pod",
            pod_namespace="default",
            hostname="pod-host",
            shared=True,
            share_processes=True,
        )
        sandbox = await runtime.create_sandbox(wanted)
        first = await runtime.start(msgspec.structs.replace(spec, sandbox=sandbox))
        script = "until ps | grep -q '[7][.]5'; do sleep 0.05; done; ls /proc/1/root/; id -u"
        other = msgspec.structs.replace(
            spec,
            key=msgspec.structs.replace(spec.key, container="other"),
            sandbox=sandbox,
            command=self.task("sh", script),
        )
        said = text(await read(runtime, await runtime.start(other)))
        assert said == b"bin\ndev\nproc\n0\n"
        await within(runtime.stop(first, grace_s=0))
        assert [one.handle.key.container for one in await runtime.list()].count("") == 1

    async def test_host_network_has_the_hosts_names(self, runtime: Runtime) -> None:
        script = "hostname; cat /etc/hosts; ip link | wc -l"
        spec = await self.spec(runtime, self.task("sh", script))
        wanted = msgspec.structs.replace(
            sandbox_spec(spec.key.pod_uid),
            host_network=True,
            aliases=(("10.9.8.7", ("one", "two")),),
        )
        sandbox = await runtime.create_sandbox(wanted)
        handle = await runtime.start(msgspec.structs.replace(spec, sandbox=sandbox))
        name, *lines = text(await read(runtime, handle)).decode().splitlines()
        assert name != "pod-host"
        assert "10.9.8.7\tone two" in lines
        assert int(lines[-1]) > 4

    async def test_a_log_is_read_while_it_is_written_by_a_noisy_task(
        self, runtime: Runtime
    ) -> None:
        handle = await self.begin(runtime, self.task("sh", "seq 50000; sleep 600"))
        await within(read_until(runtime, handle, b"\n50000\n"))
        whole = text(await read(runtime, handle, follow=False))
        assert whole == b"".join(b"%d\n" % number for number in range(1, 50_001))


class TestCrun(OnContainerd):
    """With crun, which does the same in less time."""

    @pytest.fixture
    def engine(self, crun_engine: ContainerdEngine) -> ContainerdEngine:
        """Give the engine that starts containers by crun."""
        return crun_engine


async def test_bursts_are_whole_whoever_reads_when(containerd_engine: ContainerdEngine) -> None:
    """Eight at once, each read only after its end: what the interface for kubelets loses."""
    engine = containerd_engine
    options = ContainerdOptions(host=engine.url, cgroup_parent=engine.cgroup_parent)
    harness = RuntimeConformance()
    async with open_containerd("bursts", engine.pods, options) as runtime:
        handles = await asyncio.gather(
            *(harness.begin(runtime, harness.task("count", 50_000)) for _ in range(8))
        )
        await asyncio.gather(*map(runtime.wait, handles))
        logs = await asyncio.gather(*(read(runtime, handle) for handle in handles))
        for found in await runtime.list():
            await runtime.remove(found.handle)
    whole = b"".join(b"%d\n" % number for number in range(1, 50_001))
    assert [text(batches) == whole for batches in logs] == [True] * 8
