"""Pods by the hundred on a real engine, through a daemon that is killed again and again."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from argoexec_cli.errors import ArgoexecError
from argoexec_cli.models.executor import Executor
from argoexec_cli.models.logs import LogQuery
from argoexec_cli.models.record import PodQuery, PodRecord, PodRequest
from argoexec_cli.rpc.channel import connect
from argoexec_cli.rpc.client import RemoteExecutor
from tests.engines.docker import DockerEngine
from tests.engines.process import Process
from tests.executors.pods import eventually, log, request

_T = TypeVar("_T")
_PER_POD_S = 2.0
_READY_S = 60.0
_SUBMITTERS = 16


class Result(NamedTuple):
    """What happened: how often the daemon was killed, and how long all pods took."""

    kills: int
    seconds: float


class Soak:
    """A daemon on *engine* with its state in *directory*, and what is asked of it."""

    def __init__(self, engine: DockerEngine, directory: Path, *, pods: int, seed: int) -> None:
        """Prepare *pods* requests; *seed* decides when the daemon is killed."""
        self._engine = engine
        self._directory = directory
        self._address = f"unix://{directory}/s"
        self._random = random.Random(seed)
        self._wanted = [_request(number) for number in range(pods)]
        self._longest_s = max(3.0, 0.012 * pods)
        self._daemon: Process | None = None

    async def run(self, kills: int) -> Result:
        """Run all pods while the daemon is killed *kills* times; AssertionError for what is
        wrong with any of them.
        """
        started = time.monotonic()
        await self._start()
        try:
            work = asyncio.ensure_future(self._submit_and_wait())
            for _ in range(kills):
                await asyncio.wait({work}, timeout=self._random.uniform(0.2, self._longest_s))
                await self._kill()
                await self._start()
            await work
            seconds = time.monotonic() - started
            await self._check()
        finally:
            if self._daemon:
                await asyncio.to_thread(self._daemon.stop)
        return Result(kills, seconds)

    async def _start(self) -> None:
        environment = [f"HOME={self._directory}", f"DOCKER_HOST={self._engine.url}"]
        serve = ["serve", "--runtime", "docker", "--cpus", "1000", "--memory", "1000Gi"]
        place = ["--socket", f"{self._directory}/s", "--data-dir", f"{self._directory}/data"]
        argv = ["env", *environment, sys.executable, "-m", "argoexec_cli", *serve, *place]
        self._daemon = Process(argv, log=self._directory / "daemon.log")
        await self._ask(lambda executor: executor.info())

    async def _kill(self) -> None:
        assert self._daemon is not None
        assert self._daemon.running(), (self._directory / "daemon.log").read_text()[-2000:]
        await asyncio.to_thread(self._daemon.kill)

    async def _ask(self, call: Callable[[Executor], Awaitable[_T]]) -> _T:
        """Ask until there is an answer: every call may be repeated."""
        async with asyncio.timeout(_READY_S):
            while True:
                try:
                    async with connect(self._address, timeout_s=1.0) as connection:
                        return await call(RemoteExecutor(connection))
                except (ArgoexecError, TimeoutError):
                    await asyncio.sleep(0.05)

    async def _submit_and_wait(self) -> None:
        left = iter(self._wanted)

        async def submit() -> None:
            for wanted in left:
                await self._ask(partial(_run, wanted))

        await asyncio.gather(*(submit() for _ in range(_SUBMITTERS)))
        await eventually(self._all_ended, limit_s=_READY_S + _PER_POD_S * len(self._wanted))

    async def _all_ended(self) -> bool:
        return all(record.pod.status.terminal for record in await self._list())

    async def _list(self) -> tuple[PodRecord, ...]:
        return (await self._ask(lambda executor: executor.list_pods(PodQuery()))).records

    async def _check(self) -> None:
        """Each pod ended once and rightly, each log is whole, and the engine is empty."""
        records = {record.pod.metadata.name: record for record in await self._list()}
        assert len(records) == len(self._wanted)
        async with connect(self._address) as connection:
            executor = RemoteExecutor(connection)
            for number, wanted in enumerate(self._wanted):
                record = records[wanted.pod.metadata.name]
                code = number % 3
                assert record.outputs.exit_code == str(code), record
                assert record.pod.status.phase == ("Failed" if code else "Succeeded")
                text = await log(executor, record.ref, LogQuery(follow=True))
                assert text == _text(number), (record.ref, text)
        await eventually(self._engine_is_empty, limit_s=_READY_S)

    async def _engine_is_empty(self) -> bool:
        containers = await asyncio.to_thread(
            self._engine.api.call_json, "GET", "/containers/json?all=1"
        )
        return not any(container["Labels"].get(_POD_UID) for container in containers)


_POD_UID = "io.argoexec.pod-uid"
_LINES = 25


async def _run(wanted: PodRequest, executor: Executor) -> None:
    await executor.run_pod(wanted)


def _request(number: int) -> PodRequest:
    lines = f"i=0; while [ $i -lt {_LINES} ]; do echo {number}-$i; i=$((i+1)); done"
    return request(f"{lines}; sleep 0.2; echo {number}-end >&2; exit {number % 3}", f"p{number}")


def _text(number: int) -> bytes:
    lines = [f"{number}-{line}\n" for line in range(_LINES)]
    return "".join([*lines, f"{number}-end\n"]).encode()
