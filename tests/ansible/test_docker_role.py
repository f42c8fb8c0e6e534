"""The role `docker`, applied for real to this machine, with paths of the test's own.

The engine that it starts shares nothing with one that the machine may run.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines import docker, kernel
from tests.engines.api import EngineApi
from tests.engines.availability import need

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(180)]

PLAYBOOK = Path(__file__).parents[2] / "ansible/playbooks/docker.yml"
SERVICE_MANAGER = Path("/run/systemd/system").exists()
without_service_manager = pytest.mark.skipif(
    SERVICE_MANAGER, reason="this machine has a service manager, whose one engine is not ours"
)


class Role:
    """The role with every path below one directory."""

    def __init__(self, directory: Path) -> None:
        """Apply nothing yet."""
        self.config = directory / "etc/daemon.json"
        self.pid = directory / "run/dockerd.pid"
        self.log = directory / "log/dockerd.log"
        self.api = EngineApi(directory / "docker.sock")
        self._variables = {
            "docker_config_path": str(self.config),
            "docker_pid_path": str(self.pid),
            "docker_log_path": str(self.log),
            "docker_socket_path": str(directory / "docker.sock"),
            "docker_start_limit_s": 90,
        }
        self.private = {
            "hosts": [f"unix://{directory}/docker.sock"],
            "data-root": str(directory / "data"),
            "exec-root": str(directory / "exec"),
            "bridge": "none",
            "iptables": False,
            "ip-forward": False,
        }

    def apply(self, **variables: object) -> tuple[int, str]:
        """Run the playbook; return how many tasks changed something, and all that it said."""
        argv = [str(Path(sys.executable).with_name("ansible-playbook"))]
        argv += ["-i", "localhost,", "-c", "local", str(PLAYBOOK)]
        argv += ["-e", json.dumps({**self._variables, **variables})]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        changed = re.search(r"changed=(\d+) .*failed=0", done.stdout)
        if changed is None:
            raise AssertionError(done.stdout + done.stderr)
        return int(changed[1]), done.stdout


@pytest.fixture
def role(pytestconfig: pytest.Config, short_tmp: Path) -> Iterator[Role]:
    """The role over an empty directory; whatever it started there is gone afterwards."""
    need(pytestconfig, *docker.PROGRAMS)
    yield Role(short_tmp)
    kernel.kill_naming(short_tmp)
    kernel.unmount_below(short_tmp)


@without_service_manager
def test_starts_an_engine_once_and_stops_the_one_it_started(role: Role) -> None:
    role.config.parent.mkdir()
    role.config.write_text(json.dumps(role.private))

    changed, _ = role.apply()
    assert changed > 0
    assert role.api.call_json("GET", "/info")["LiveRestoreEnabled"] is True
    assert json.loads(role.config.read_text()) == {**role.private, "live-restore": True}

    pid = role.pid.read_text()
    assert role.apply()[0] == 0
    assert role.pid.read_text() == pid

    # A changed setting reaches the running engine without a restart.
    role.apply(docker_settings={"live-restore": False})
    assert role.api.call_json("GET", "/info")["LiveRestoreEnabled"] is False
    assert role.pid.read_text() == pid

    assert role.apply(docker_state="stopped")[0] > 0
    assert not role.api.answers()
    assert not role.pid.exists()
    assert role.apply(docker_state="stopped")[0] == 0


@without_service_manager
@pytest.mark.parametrize("edited", [False, True])
def test_takes_back_settings_that_were_its_own(edited: bool, role: Role) -> None:
    role.apply(docker_settings=role.private)
    assert json.loads(role.config.read_text()) == role.private
    assert role.apply(docker_settings=role.private)[0] == 0
    if edited:
        role.config.write_text(json.dumps({**role.private, "debug": False}))
    role.apply(docker_state="stopped")
    assert role.config.exists() is edited
    assert list(role.pid.parent.iterdir()) == []
    assert role.apply(docker_state="stopped")[0] == 0


@without_service_manager
def test_tells_from_the_log_why_the_engine_does_not_start(role: Role) -> None:
    role.config.parent.mkdir()
    role.config.write_text(json.dumps({**role.private, "no-such-setting": 1}))
    with pytest.raises(AssertionError, match=r"last line of .*no-such-setting"):
        role.apply(docker_start_limit_s=6)


def test_refuses_a_state_that_it_does_not_know(role: Role) -> None:
    with pytest.raises(AssertionError, match="value of docker_state must be one of: started"):
        role.apply(docker_state="absent")
