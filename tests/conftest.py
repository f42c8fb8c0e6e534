"""Fixtures and guards of the whole suite: real engines, short socket paths, no leaked tasks."""

from __future__ import annotations

import asyncio
import inspect
import logging
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest
import pytest_asyncio

# Before any of them is imported: their asserts are to explain themselves like a test's own.
pytest.register_assert_rewrite(
    "tests.engines",
    "tests.executors.casebook",
    "tests.executors.conformance",
    "tests.runtime.conformance",
)

from tests.engines import containerd, docker, kernel, registry  # noqa: E402 - must follow the registration above
from tests.engines.availability import REQUIRE_OPTION, need  # noqa: E402
from tests.kube.fixtures import cluster, kube, kubeconfig  # noqa: E402, F401 - fixtures for all

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile(
    "suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that CI sets: an engine that cannot start is a failure, not a skip."""
    parser.addoption(
        REQUIRE_OPTION,
        action="store_true",
        help="fail, instead of skip, where an engine is not installed",
    )


def pytest_configure() -> None:
    """Have SIGINT end the programs that tests start, even where the suite runs in the background.

    A shell gives its background jobs an ignored SIGINT, and children inherit that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    logging.getLogger("asyncio").addFilter(_is_of_this_loop)


def _is_of_this_loop(record: logging.LogRecord) -> bool:
    """Tell whether gRPC's poller has not just met a call of a loop that a test before has closed.

    It is one for the whole process, where each test, and each command run in it, has a loop of its
    own; a program has one for good.
    """
    return "PollerCompletionQueue._handle_events" not in record.getMessage()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that comes from a conformance suite, whoever runs it, and begin with the
    files that take longest: one that comes last has the machine to itself, and nothing to do.
    """
    allowances: dict[Path, float] = {}
    for item in items:
        limit = item.get_closest_marker("timeout")
        allowed = float(limit.args[0]) if limit is not None else 0.0
        allowances[item.path] = max(allowed, allowances.get(item.path, 0.0))
    items.sort(key=lambda item: -allowances[item.path])
    for item in items:
        suite = getattr(item, "cls", None)
        origins = suite.__mro__ if suite is not None else ()
        if any(origin.__module__.startswith(_SUITES) for origin in origins):
            item.add_marker(pytest.mark.conformance)


_SUITES = ("tests.executors.casebook", "tests.executors.conformance", "tests.runtime.conformance")


@pytest.fixture(autouse=True)
def guard_tasks(request: pytest.FixtureRequest) -> None:
    """Put `no_leaked_tasks` around every asynchronous test; the others have no loop to leak into.

    It is set up before a test's own fixtures, so they have ended when it looks.
    """
    if inspect.iscoroutinefunction(getattr(request, "function", None)):
        request.getfixturevalue("no_leaked_tasks")


_LAST_TURNS = 100


@pytest_asyncio.fixture
async def no_leaked_tasks() -> AsyncIterator[None]:
    """Fail the test that leaves an asyncio task behind, and name the task."""
    yield
    # Those that were told to end, as by a connection that is cut, have a few turns to do so.
    for _ in range(_LAST_TURNS):
        await asyncio.sleep(0)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if not left:
            return
    assert not left, f"leaked tasks: {sorted(task.get_name() for task in left)}"


@pytest.fixture
def short_tmp() -> Iterator[Path]:
    """Give an empty directory with a path short enough for a unix socket (108 bytes in all)."""
    path = Path(tempfile.mkdtemp(prefix="ax-", dir="/tmp"))
    yield path
    kernel.unmount_below(path)
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def leave_no_mounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Unmount what the pods of a daemon that was killed have below the directories of tests.

    It cannot be deleted otherwise, and a run that begins later trips over it.
    """
    yield
    kernel.unmount_below(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def docker_engine(pytestconfig: pytest.Config) -> Iterator[docker.DockerEngine]:
    """Give a running engine that this test process shares; tests remove their own containers.

    A test that stops or restarts it leaves it running, so that the next one finds it so.
    """
    need(pytestconfig, *docker.PROGRAMS)
    with docker.DockerEngine() as engine:
        yield engine


@pytest.fixture(scope="session")
def containerd_engine(pytestconfig: pytest.Config) -> Iterator[containerd.ContainerdEngine]:
    """Give a running containerd that this test process shares; tests remove their own pods.

    A test that stops or restarts it leaves it running, so that the next one finds it so.
    """
    need(pytestconfig, *containerd.PROGRAMS)
    with containerd.ContainerdEngine() as engine:
        yield engine


@pytest.fixture(scope="session")
def open_registry(pytestconfig: pytest.Config) -> Iterator[registry.Registry]:
    """Give an empty image registry that anyone may push to and pull from."""
    need(pytestconfig, *registry.PROGRAMS)
    with registry.Registry() as running:
        yield running


@pytest.fixture(scope="session")
def private_registry(pytestconfig: pytest.Config) -> Iterator[registry.Registry]:
    """Give an empty image registry that knows one user, `registry.LOGIN`."""
    need(pytestconfig, *registry.PROGRAMS)
    with registry.Registry(login=registry.LOGIN) as running:
        yield running
