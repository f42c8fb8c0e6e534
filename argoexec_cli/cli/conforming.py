"""Runs the conformance cases on the daemon that answers, or on an executor of its own."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args

from argoexec_cli import __version__
from argoexec_cli.cli.connect import connect
from argoexec_cli.cli.session import Session
from argoexec_cli.conformance.case import Case
from argoexec_cli.conformance.run import Pace, Result, run_cases
from argoexec_cli.errors import InvalidError, PreconditionError
from argoexec_cli.models.executor import Executor

if TYPE_CHECKING:
    from argoexec_cli.cli.engines import Engines
    from argoexec_cli.executors.local.settings import LocalSettings

Name = Literal["docker", "containerd", "fake"]
IMAGE: Final = "busybox:1.36"
_CAPABILITY: Final = "SYS_PTRACE"
_HOST_PATH: Final = "/tmp"  # noqa: S108 - what a case mounts; nothing is kept there
_PROBE: Final = Case(
    name="probe",
    pod={"spec": {"containers": [{"name": "main", "command": ["true"]}]}},
    needs=(),
)


def runtime_called(name: str) -> Name:
    """Return the runtime of this name. `InvalidError` for another word."""
    for runtime in get_args(Name):
        if runtime == name:
            found: Name = runtime
            return found
    raise InvalidError(
        f"{name!r} is not a runtime", hint=f"--runtime {' or '.join(get_args(Name))}"
    )


class _Daemon:
    """The executor of a daemon, which is not ours to restart."""

    restarts = False

    def __init__(self, executor: Executor, *, here: bool) -> None:
        self.executor = executor
        self.here = here

    async def restart(self) -> None:
        raise NotImplementedError


class _Private:
    """A local executor of our own. What the fake runtime runs ends with it."""

    here = True

    def __init__(self, settings: LocalSettings, engines: Engines) -> None:
        self._settings = settings
        self._engines = engines
        self.restarts = engines.choice != "fake"
        self._stack = AsyncExitStack()
        self.executor: Executor

    async def restart(self) -> None:
        """Open it; one that is open is closed first."""
        from argoexec_cli.executors.local.manager import open_local

        await self.close()
        opened = open_local(self._settings, self._engines.open)
        self.executor = await self._stack.enter_async_context(opened)

    async def close(self) -> None:
        await self._stack.aclose()


async def on_daemon(
    session: Session,
    cases: Sequence[Case],
    image: str,
    pace: Pace,
    tell: Callable[[Result], None],
) -> dict[str, list[Result]]:
    """Run the cases on the daemon that the settings name; return the results by its runtime."""
    async with connect(session) as server:
        here = session.settings.server.value.startswith("unix:")
        place = _Daemon(server.executor, here=here)
        await _probe(place, image, pace)
        session.say(f"{server.info.name}: {len(cases)} cases on {server.info.runtime}")
        results = await run_cases(cases, place, image=image, pace=pace, tell=tell)
    return {server.info.runtime: results}


async def on_runtime(
    session: Session,
    runtime: Name,
    cases: Sequence[Case],
    image: str,
    pace: Pace,
    tell: Callable[[Result], None],
) -> list[Result]:
    """Run the cases on *runtime* of this machine, on an executor whose state is gone afterwards.

    Cases that need more of policy get an executor that grants it.
    """
    from argoexec_cli.cli.small_image import image_on
    from argoexec_cli.cli.stage import own_place

    session.say(f"{runtime}: {len(cases)} cases on this machine")
    results: dict[str, Result] = {}
    async with image_on(session, runtime, image), own_place() as directory:
        for granting in (False, True):
            chosen = [case for case in cases if bool(case.grants) is granting]
            if not chosen:
                continue
            async with _private(session, runtime, directory / str(granting), granting) as place:
                await _probe(place, image, pace)
                done = await run_cases(chosen, place, image=image, pace=pace, tell=tell)
            results |= {result.case: result for result in done}
    return [results[case.name] for case in cases]


@asynccontextmanager
async def _private(
    session: Session, runtime: Name, directory: Path, granting: bool
) -> AsyncIterator[_Private]:
    from argoexec_cli.cli.engines import Engines
    from argoexec_cli.executors.local.policy import Policy
    from argoexec_cli.executors.local.settings import LocalSettings, host_address, host_room

    policy = Policy(
        privileged=True,
        host_network=True,
        capabilities=frozenset({_CAPABILITY}),
        host_paths=(_HOST_PATH,),
    )
    local = LocalSettings(
        data_dir=directory,
        name=socket.gethostname(),
        version=__version__,
        room=host_room(),
        host_ip=host_address(),
        restart_backoff_s=(0.1, 1.0),
        evict_s=1.0,
        policy=policy if granting else Policy(),
    )
    settings = session.settings
    engines = Engines(
        data_dir=directory,
        choice=runtime,
        docker_host=settings.docker_host.value,
        containerd_host=settings.containerd_host.value,
        warm_networks=0,  # nothing is to be left behind
    )
    place = _Private(local, engines)
    try:
        await place.restart()
        yield place
    finally:
        await place.close()


async def _probe(place: _Daemon | _Private, image: str, pace: Pace) -> None:
    """Fail early, and once, where no case could succeed."""
    (result,) = await run_cases([_PROBE], place, image=image, pace=pace)
    if result.state != "ok":
        raise PreconditionError(
            f"a pod with the image {image} does not run there: {'; '.join(result.why)}",
            hint="name another small image with a shell: argoexec conform --image IMAGE",
        )
