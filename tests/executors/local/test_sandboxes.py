"""What a pod's containers share goes with the pod, whenever that ends."""

from __future__ import annotations

import asyncio

import msgspec

from argoexec_cli.models.pod import PodSpec
from argoexec_cli.runtime.base import Handle, Runtime, Sandbox, SandboxSpec
from tests.executors.local.faults import FlakyRuntime
from tests.executors.local.opening import Opener
from tests.executors.pods import container, ended, eventually, request


class _Slow(FlakyRuntime):
    """Takes its time for a sandbox, which is an object of its own."""

    def __init__(self, inner: Runtime) -> None:
        super().__init__(inner)
        self.reached, self.gate = asyncio.Event(), asyncio.Event()
        self.removed: list[str] = []

    async def create_sandbox(self, spec: SandboxSpec) -> Sandbox:
        sandbox = await super().create_sandbox(spec)
        self.reached.set()
        await self.gate.wait()
        return msgspec.structs.replace(sandbox, id="made")

    async def remove(self, handle: Handle) -> None:
        self.removed.append(handle.id)
        await super().remove(handle)


def slowly(opener: Opener) -> list[_Slow]:
    """Have sandboxes made when a test says so; return the runtimes that were opened since."""
    made: list[_Slow] = []

    def wrap(runtime: Runtime) -> Runtime:
        made.append(_Slow(runtime))
        return made[-1]

    opener.wrap = wrap
    return made


async def test_one_that_is_being_made_when_the_pod_is_stopped_is_removed(opener: Opener) -> None:
    made = slowly(opener)
    executor = await opener.open()
    spec = PodSpec(containers=(container("true", "one"), container("true", "two")))
    ref = (await executor.run_pod(request(spec=spec))).ref
    await made[0].reached.wait()
    await executor.stop_pod(ref, 0)
    made[0].gate.set()
    assert (await ended(executor, ref)).pod.status.reason == "Stopped"

    async def cleaned() -> bool:
        return not await executor.host.table.all("cleaned = 0")

    await eventually(cleaned)
    assert made[0].removed == ["made"]


async def test_an_executor_that_closes_waits_for_none(opener: Opener) -> None:
    made = slowly(opener)
    executor = await opener.open()
    ref = (await executor.run_pod(request("exit 4"))).ref
    await made[0].reached.wait()
    opener.wrap = lambda runtime: runtime
    executor = await opener.open()
    assert (await ended(executor, ref)).outputs.exit_code == "4"
