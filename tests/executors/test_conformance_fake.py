"""The shipped cases that need no real containers, on the scripted runtime."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from argoexec_cli.runtime.base import Runtime
from argoexec_cli.runtime.fake import FakeEngine, open_fake
from tests.executors.casebook import Casebook, OpenRuntime, without


class TestOnFake(Casebook):
    """In this process."""

    cases = without("processes", "limits")

    @pytest.fixture(scope="class")
    @classmethod
    def runtime(cls) -> OpenRuntime:
        """Give what opens the runtime; each directory has an engine, which outlives executors."""
        engines: dict[Path, FakeEngine] = {}

        @asynccontextmanager
        async def opened(owner: str, directory: Path) -> AsyncIterator[Runtime]:
            engine = engines.setdefault(directory, FakeEngine())
            async with open_fake(owner, engine) as runtime:
                yield runtime

        return opened


class TestOnFakeOverTheWire(TestOnFake):
    """Behind a daemon on a unix socket."""

    remote = True
