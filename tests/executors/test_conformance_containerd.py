"""The shipped cases on containerd."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from argoexec_cli.runtime.containerd import ContainerdOptions, open_containerd
from tests.engines.containerd import ContainerdEngine
from tests.executors.casebook import Casebook, OpenRuntime


@pytest.mark.containerd
class TestOnContainerd(Casebook):
    """In this process."""

    @pytest.fixture(scope="class")
    @classmethod
    def runtime(cls, containerd_engine: ContainerdEngine) -> Iterator[OpenRuntime]:
        """Give what opens the runtime, and remove what a failed case leaves."""
        engine = containerd_engine
        options = ContainerdOptions(host=engine.url, cgroup_parent=engine.cgroup_parent)
        yield lambda owner, directory: open_containerd(owner, directory / "containerd", options)
        engine.remove_containers()


@pytest.mark.containerd
class TestOnContainerdOverTheWire(TestOnContainerd):
    """Behind a daemon on a unix socket: the way that users have it."""

    remote = True
