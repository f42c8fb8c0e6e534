"""The shipped cases on Docker Engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from argoexec_cli.runtime.docker import DockerOptions, open_docker
from tests.engines.docker import DockerEngine
from tests.executors.casebook import Casebook, OpenRuntime


@pytest.mark.docker
class TestOnDocker(Casebook):
    """In this process."""

    @pytest.fixture(scope="class")
    @classmethod
    def runtime(cls, docker_engine: DockerEngine) -> Iterator[OpenRuntime]:
        """Give what opens the runtime, and remove what a failed case leaves."""
        options = DockerOptions(host=docker_engine.url)
        yield lambda owner, _: open_docker(owner, options)
        docker_engine.remove_containers()


@pytest.mark.docker
class TestOnDockerOverTheWire(TestOnDocker):
    """Behind a daemon on a unix socket: the way that users have it."""

    remote = True
