"""`argoexec serve`: in the background and in front, twice, and stopped."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import ARGOEXEC, POD, Cli


class Place:
    """A place for a daemon of the test's own."""

    def __init__(self, directory: Path) -> None:
        """Nothing is there yet."""
        self.data = directory / "data"
        self.socket = directory / "s.sock"
        self.cli = Cli(directory, f"unix://{self.socket}")
        self.flags = ["--data-dir", str(self.data), "--socket", str(self.socket)]

    def serve(self, *more: str) -> subprocess.CompletedProcess[str]:
        """Run `argoexec serve` and wait for it."""
        environment = {"PATH": "/usr/bin:/bin", **self.cli.environment}
        return subprocess.run(
            [*ARGOEXEC, "serve", *self.flags, *more],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def place(short_tmp: Path) -> Iterator[Place]:
    """Give a place whose daemon, if any, is stopped in the end."""
    place = Place(short_tmp)
    yield place
    place.serve("--stop")


def test_detach_returns_when_the_daemon_answers(place: Place) -> None:
    done = place.serve("--detach", "--runtime", "fake")
    assert done.returncode == 0
    assert done.stderr.startswith(f"serving on unix://{place.socket} (pid ")
    assert place.cli("list").code == 0
    assert place.socket.stat().st_mode & 0o777 == 0o600


def test_stopping_leaves_nothing_but_the_state(place: Place) -> None:
    place.serve("--detach", "--runtime", "fake")
    place.cli.pod("kept", "echo kept", "--wait")
    done = place.serve("--stop")
    assert done.returncode == 0
    assert "stopped the daemon with pid" in done.stderr
    assert not place.socket.exists()
    assert place.cli("list").code == 5
    again = place.serve("--stop")
    assert (again.returncode, again.stderr) == (0, f"no daemon runs on {place.data}\n")
    place.serve("--detach", "--runtime", "fake")
    assert place.cli("logs", "kept").out == "kept\n"


def test_a_second_daemon_on_the_same_data_is_refused(place: Place) -> None:
    place.serve("--detach", "--runtime", "fake")
    before = (place.data / "daemon.log").read_text()
    done = place.serve("--detach", "--runtime", "fake")
    assert done.returncode == 2
    assert (place.data / "daemon.log").read_text() == before
    first, second = done.stderr.splitlines()
    assert first.startswith(f"error: the data directory {place.data} is in use by the daemon")
    assert second.startswith("hint: ")
    assert place.cli("list").code == 0


def test_a_runtime_that_does_not_answer_is_said_at_once(place: Place) -> None:
    place.cli.environment["DOCKER_HOST"] = f"unix://{place.data}/no.sock"
    done = place.serve("--detach")
    assert done.returncode == 5
    assert "Docker Engine" in done.stderr.splitlines()[0]


def test_in_front_a_signal_ends_it(place: Place) -> None:
    flags = ["serve", *place.flags, "--runtime", "fake", "--log-format", "json"]
    pid_file = place.data.with_name("pid")
    child = place.cli.start(
        *flags, "--pid-file", str(pid_file), "--listen", "127.0.0.1:0", stderr=subprocess.PIPE
    )
    assert child.stderr is not None
    for line in child.stderr:
        if line.startswith(b"serving on"):
            break
    assert b", 127.0.0.1:" in line
    assert int(pid_file.read_text()) == child.pid
    address = line.decode().split(", ")[1].split()[0]
    assert place.cli("list", "--server", address).code == 0
    child.send_signal(signal.SIGTERM)
    child.stderr.read()
    assert child.wait(timeout=60) == 0
    child.stderr.close()
    assert not pid_file.exists()


@pytest.mark.parametrize("abstract", [True, False])
def test_systemd_hears_that_the_daemon_answers(place: Place, abstract: bool) -> None:
    path = place.data.with_name("notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{path}" if abstract else str(path))
        manager.settimeout(60)
        place.cli.environment["NOTIFY_SOCKET"] = f"@{path}" if abstract else str(path)
        place.serve("--detach", "--runtime", "fake")
        assert manager.recv(64) == b"READY=1"


@pytest.mark.parametrize("work", [True, False])
@pytest.mark.timeout(180)
def test_work_renews_the_lease_of_the_host(place: Place, work: bool) -> None:
    lease = place.data.with_name("renewed")
    place.serve("--detach", "--runtime", "fake")
    if work:
        # It waits for its image for a minute. What ran in the fake runtime is lost at once.
        waits = POD.format(name="waits", script="true").replace("busybox", "unreachable")
        assert place.cli("submit", "-", stdin=waits).code == 0
    place.serve("--stop")
    place.serve("--detach", "--runtime", "fake", "--lease-file", str(lease))
    deadline = time.monotonic() + (60 if work else 1)
    while not lease.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert lease.exists() is work


def test_an_exposed_address_wants_to_be_meant(place: Place) -> None:
    done = place.serve("--detach", "--runtime", "fake", "--listen", "0.0.0.0:0")
    assert done.returncode == 2
    assert "can be reached from other machines" in done.stderr


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--retention", "soon"], "--retention: 'soon' is not a duration"),
        (["--memory", "much"], "'much' is not a quantity"),
        (["--runtime", "vms"], "Invalid value for '--runtime'"),
    ],
)
def test_flags_that_cannot_be(flags: list[str], message: str, alone: Cli) -> None:
    outcome = alone("serve", *flags)
    assert outcome.code == 2
    assert message in outcome.err
