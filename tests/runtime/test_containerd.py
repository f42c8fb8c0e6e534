"""The conformance suite on containerd, through the Container Runtime Interface."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from argoexec_cli.runtime.base import Runtime
from argoexec_cli.runtime.containerd import ContainerdOptions, open_containerd
from tests.engines import images
from tests.engines.containerd import ContainerdEngine
from tests.engines.registry import Registry
from tests.runtime.conformance import OWNER, Names, Reopen, RuntimeConformance

pytestmark = pytest.mark.containerd


class TestContainerd(RuntimeConformance):
    """With Debian's own choice of an OCI runtime, runc."""

    @pytest.fixture
    def reopen(self, containerd_engine: ContainerdEngine) -> Reopen:
        """Open a runtime on the engine of the test process."""
        engine = containerd_engine
        options = ContainerdOptions(host=engine.url, cgroup_parent=engine.cgroup_parent)
        return lambda owner: open_containerd(owner, engine.logs, options)

    @pytest_asyncio.fixture
    async def runtime(self, reopen: Reopen) -> AsyncIterator[Runtime]:
        """Give the runtime under test."""
        async with reopen(OWNER) as runtime:
            yield runtime

    @pytest.fixture
    def names(self, containerd_engine: ContainerdEngine, open_registry: Registry) -> Names:
        """Name images of a registry that is there, and one of a port where nobody listens."""
        present = f"{open_registry.host}/conformance/busybox:1"
        containerd_engine.push(images.BUSYBOX.name, present)
        return Names(
            missing=f"{open_registry.host}/conformance/busybox:2",
            wrong_digest=f"{open_registry.host}/conformance/busybox@sha256:{'1' * 64}",
            unreachable="127.0.0.1:1/conformance/busybox:1",
        )
