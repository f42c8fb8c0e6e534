"""Fixtures of the controller's tests."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from argoexec_cli.controller.service import Controller, open_controller
from argoexec_cli.errors import NotFoundError
from argoexec_cli.models.executor import Executor
from tests.controller.executor import MemoryExecutor

Open = Callable[[], AbstractAsyncContextManager[Controller]]


@pytest.fixture
def executor() -> MemoryExecutor:
    """Give the executor that is named `local` and is the default."""
    return MemoryExecutor()


@pytest.fixture
def open_it(tmp_path: Path, executor: MemoryExecutor) -> Open:
    """Open the controller of this test; again after closing it, as after a restart."""

    def resolve(name: str) -> Executor:
        if name != "local":
            raise NotFoundError(f"executor {name} is not registered", hint="argoexec register")
        return executor

    return lambda: open_controller(tmp_path, resolve, lambda: "local")
