"""The conformance suite on Docker Engine, once for each of the two ways in which logs are read."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from argoexec_cli.runtime.base import Runtime
from argoexec_cli.runtime.docker import DockerOptions, open_docker
from tests.engines import images
from tests.engines.docker import DockerEngine
from tests.engines.registry import Registry
from tests.runtime.conformance import OWNER, Names, Reopen, RuntimeConformance

pytestmark = pytest.mark.docker


class TestDocker(RuntimeConformance):
    """Logs come from the engine's files, as on any host where the daemon runs beside its engine."""

    read_log_files = True

    @pytest.fixture
    def reopen(self, docker_engine: DockerEngine) -> Reopen:
        """Open a runtime on the engine of the test process."""
        options = DockerOptions(host=docker_engine.url, read_log_files=self.read_log_files)
        return lambda owner: open_docker(owner, options)

    @pytest_asyncio.fixture
    async def runtime(self, reopen: Reopen) -> AsyncIterator[Runtime]:
        """Give the runtime under test."""
        async with reopen(OWNER) as runtime:
            yield runtime

    @pytest.fixture
    def names(self, docker_engine: DockerEngine, open_registry: Registry) -> Names:
        """Name images of a registry that is there, and one of a port where nobody listens."""
        present = f"{open_registry.host}/conformance/busybox:1"
        docker_engine.api.push(images.BUSYBOX.name, present)
        return Names(
            missing=f"{open_registry.host}/conformance/busybox:2",
            wrong_digest=f"{open_registry.host}/conformance/busybox@sha256:{'1' * 64}",
            unreachable="127.0.0.1:1/conformance/busybox:1",
        )


class TestDockerOverTheApi(TestDocker):
    """Logs come through the API, as from an engine elsewhere."""

    read_log_files = False
