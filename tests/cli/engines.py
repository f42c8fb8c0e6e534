"""Daemons on real engines, and the command line that talks to them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.engines.containerd import ContainerdEngine
from tests.engines.docker import DockerEngine

Engine = DockerEngine | ContainerdEngine
BOTH = [
    pytest.param("docker", marks=pytest.mark.docker),
    pytest.param("containerd", marks=pytest.mark.containerd),
]
"""The parameters of a fixture that gives one engine after the other; see `engine_of`."""


def engine_of(request: pytest.FixtureRequest) -> Engine:
    """Return the engine that the fixture's parameter names."""
    engine: Engine = request.getfixturevalue(f"{request.param}_engine")
    return engine


class EngineCli(Cli):
    """The command line of a daemon on an engine; its state is in `home/data`."""

    def __init__(self, home: Path, engine: Engine, *flags: str) -> None:
        """Nothing is started yet. *flags* are for `serve`."""
        super().__init__(home, f"unix://{home}/s.sock")
        self.runtime = "docker" if isinstance(engine, DockerEngine) else "containerd"
        variable = {"docker": "DOCKER_HOST", "containerd": "CONTAINER_RUNTIME_ENDPOINT"}
        self.environment[variable[self.runtime]] = engine.url
        self.environment["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
        self._flags = flags
        self._where = ["--data-dir", f"{home}/data", "--socket", f"{home}/s.sock"]

    def serve(self) -> None:
        """Start the daemon."""
        words = ["serve", "--detach", "--runtime", self.runtime, *self._where, *self._flags]
        assert self.start(*words).wait(60) == 0

    def stop(self) -> None:
        """Stop the daemon; tasks run on."""
        assert self.start("serve", "--stop", *self._where).wait(60) == 0


@contextmanager
def daemon_on(engine: Engine, *flags: str) -> Iterator[EngineCli]:
    """Give the command line of a daemon on *engine*, without a trace of it in the end."""
    with tempfile.TemporaryDirectory(prefix="ax-", dir="/tmp") as home:
        cli = EngineCli(Path(home), engine, *flags)
        cli.serve()
        try:
            yield cli
        finally:
            cli("delete", "--all", "--yes")
            cli.stop()
            engine.remove_containers()
