"""What the fake runtime's containers live in: it outlives the runtime object, as an engine outlives
its clients.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Final

from argoexec_cli.aio import Signal, Tasks
from argoexec_cli.models.logs import STDERR, STDOUT, LogRun
from argoexec_cli.runtime.base import ContainerSpec, Exit, LogBatch, Reason
from argoexec_cli.runtime.fake.script import Statement, parse_script, unescape
from argoexec_cli.runtime.images import Disk

_BATCH_BYTES: Final = 256 << 10
_PIECE: Final = 16 << 10


class FakeContainer:
    """One container: interprets its script in a task of the engine's."""

    def __init__(self, owner: str, spec: ContainerSpec, script: tuple[Statement, ...]) -> None:
        """Create it; `begin` starts it."""
        self.owner = owner
        self.spec = spec
        self.created_at = datetime.now(UTC)
        self.exit: Exit | None = None
        self.runs: list[LogRun] = []
        self._script = script
        self._ended = asyncio.Event()
        self._killed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._ignores_term = False
        self._changed = Signal()

    async def run(self) -> None:
        """Interpret the script to its end, or to a signal."""
        started = datetime.now(UTC)
        script = asyncio.create_task(self._interpret(), name="fake script")
        self._killed.add_done_callback(lambda _: script.cancel())
        try:
            await asyncio.wait({script})
        finally:
            script.cancel()
        if script.cancelled():
            code, oom = 128 + self._killed.result(), False
        else:
            code, oom = script.result()
        reason: Reason = "OOMKilled" if oom else "Completed" if code == 0 else "Error"
        self.exit = Exit(
            exit_code=code,
            reason=reason,
            started_at=started,
            finished_at=datetime.now(UTC),
        )
        self._ended.set()
        self._changed.fire()

    async def wait(self) -> Exit:
        """Return how it ended, once it has."""
        await self._ended.wait()
        assert self.exit is not None  # noqa: S101 - set just before the event
        return self.exit

    def signal(self, number: int) -> None:
        """Deliver a signal."""
        if not self._killed.done() and not (number == 15 and self._ignores_term):
            self._killed.set_result(number)

    async def read(self, start: int, *, follow: bool) -> AsyncIterator[LogBatch]:
        """Yield batches of runs from number *start* on."""
        while True:
            ended, changed = self._ended.is_set(), self._changed.next()
            while start < len(self.runs):
                end = self._end_of_batch(start)
                yield LogBatch(self.runs[start:end], str(end))
                start = end
            if ended or not follow:
                return
            await changed()

    def _end_of_batch(self, start: int) -> int:
        size = 0
        for end in range(start, len(self.runs)):
            size += len(self.runs[end].data)
            if size > _BATCH_BYTES:
                return end
        return len(self.runs)

    async def _interpret(self) -> tuple[int, bool]:
        code = 0
        for verb, words in self._script:
            match verb:
                case "sleep":
                    code = 0
                    await asyncio.sleep(float(words[0]))
                case "exit":
                    return (int(words[0]) & 255 if words else code), False
                case "kill":
                    return 128 + int(words[0].lstrip("-")), False
                case "hog":
                    return 137, True
                case _:
                    code = self._do(verb, words)
        return code, False

    def _do(self, verb: str, words: tuple[str, ...]) -> int:
        match verb:
            case "echo":
                self._echo(list(words))
            case "printf":
                self._print(unescape(words[0]), words[1:])
            case "seq":
                numbers = range(int(words[0]), int(words[1]) + 1)
                self._write(b"".join(b"%d\n" % number for number in numbers), STDOUT)
            case "fill":
                count, width = int(words[0]), int(words[1])
                self._write(
                    b"".join(b"%0*d\n" % (max(0, width - 1), n) for n in range(count)), STDOUT
                )
            case "trap":
                self._ignores_term = True
            case "false":
                return 1
            case "not-found":
                self._write(f"sh: {words[0]}: not found\n".encode(), STDERR)
                return 127
        return 0

    def _echo(self, words: list[str]) -> None:
        stream = STDERR if words and words[-1] == ">&2" else STDOUT
        words = words[:-1] if stream == STDERR else words
        end = "" if words and words[0] == "-n" else "\n"
        words = words[not end :]
        target = words[-2:] if words[-2:-1] == [">"] else []
        text = " ".join(words[: len(words) - len(target)]) + end
        self._print(text.encode(), target, stream)

    def _print(self, data: bytes, target: Sequence[str], stream: int = STDOUT) -> None:
        """Write to the file that `> FILE` names: what no volume holds goes with the container."""
        if not target:
            self._write(data, stream)
        elif (path := self._on_host(PurePosixPath(target[1]))) is not None:
            path.write_bytes(data)

    def _on_host(self, path: PurePosixPath) -> Path | None:
        for mount in reversed(self.spec.mounts):
            if path.is_relative_to(mount.target) and not mount.read_only:
                return Path(mount.source) / path.relative_to(mount.target)
        return None

    def _write(self, data: bytes, stream: int) -> None:
        now = datetime.now(UTC)
        time_ns = int(now.timestamp() * 1e6) * 1000
        for line in data.splitlines(keepends=True) if b"\r" not in data else _lines(data):
            for start in range(0, len(line), _PIECE):
                self.runs.append(LogRun(time_ns, stream, line[start : start + _PIECE]))
        self._changed.fire()


class FakeEngine:
    """All containers, by name. Ends with its process: containers do not survive it."""

    def __init__(self) -> None:
        """Start empty."""
        self.containers: dict[str, FakeContainer] = {}
        self.images: set[str] = set()
        self.disk = Disk(path="/fake", capacity_bytes=100 << 30, available_bytes=90 << 30)
        self.tasks = Tasks()

    def start(self, owner: str, spec: ContainerSpec) -> FakeContainer:
        """Create and start a container, or find the one with this key. `StartError` as
        `parse_script`.
        """
        name = spec.key.object_name
        if (there := self.containers.get(name)) is not None:
            return there
        container = FakeContainer(owner, spec, parse_script((*spec.command, *spec.args)))
        self.containers[name] = container
        self.tasks.spawn(container.run(), name=f"fake {name}")
        return container

    async def close(self) -> None:
        """Kill everything."""
        await self.tasks.stop()


def _lines(data: bytes) -> list[bytes]:
    """Split at newlines only: a carriage return is part of its line."""
    parts = data.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
