"""The machine that argoexec runs on as a fleet of one, without a package index, and given back."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from argoexec_cli.compute.package import packages_for
from argoexec_cli.config.load import child_environment
from tests.compute.fleet.program import ECHO, IMAGES
from tests.engines.availability import need
from tests.lab.cache import cached
from tests.lab.machine import Machine
from tests.lab.rootfs import PROGRAMS, put

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]
REPOSITORY = Path(__file__).parents[3]
VERSION = "python{}.{}".format(*sys.version_info[:2])
PLAYBOOK = "#!/opt/ax/bin/python\nfrom ansible.cli.playbook import main\nmain()\n"


class Here:
    """A machine with argoexec on it, as it is here."""

    def __init__(self, machine: Machine) -> None:
        """Lend it this checkout and its libraries; it starts afterwards."""
        self.machine = machine
        lent = {
            "repository": REPOSITORY,
            "libraries": Path(sysconfig.get_path("purelib")),
        }
        for name, path in lent.items():
            place = machine.root / "opt/lent" / name
            place.mkdir(parents=True)
            subprocess.run(["mount", "--bind", str(path), str(place)], check=True)
            # Whatever happens there, and however the machine is removed: it stays as it is here.
            subprocess.run(["mount", "-o", "remount,bind,ro", str(place)], check=True)
        put(machine.root, "etc/pip.conf", b"[global]\nindex-url = http://127.0.0.1:9/simple\n")
        put(machine.root, "root/echo.yaml", ECHO.replace("IMAGE", IMAGES["containerd"]).encode())

    def install(self) -> None:
        """Make a virtual environment that finds them."""
        self.machine.run("python3", "-m", "venv", "--without-pip", "/opt/ax")
        library = self.machine.root / "opt/ax/lib" / VERSION / "site-packages"
        (library / "lent.pth").write_text("/opt/lent/repository\n/opt/lent/libraries\n")
        playbook = self.machine.root / "opt/ax/bin/ansible-playbook"
        playbook.write_text(PLAYBOOK)
        playbook.chmod(0o755)
        (self.machine.root / "root/fleets").mkdir()

    def __call__(self, *arguments: str) -> str:
        """Run argoexec there, as root; AssertionError when it fails."""
        environment = ["HOME=/root", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"]
        environment += ["ARGOEXEC_CONFIG=/root/config.yaml"]
        program = ["/opt/ax/bin/python", "-m", "argoexec_cli"]
        return self.machine.run("env", "-i", "--chdir=/root", *environment, *program, *arguments)


@pytest.fixture
def here(pytestconfig: pytest.Config) -> Iterator[Here]:
    """Give the machine."""
    need(pytestconfig, *PROGRAMS)
    machine = Machine()
    try:
        here = Here(machine)
        machine.authorize("")
        machine.start()
        while not machine.answers():
            assert machine.running
        here.install()
        yield here
    finally:
        machine.remove()


@pytest.fixture
async def wheels(here: Here) -> None:
    """Bring along what was fetched here, as whoever runs argoexec can: there is no index there."""
    cache = cached("packages", "any", lambda directory: None)
    await packages_for({"here": None}, cache, child_environment(), offline=True)
    shutil.copytree(cache / "wheelhouse", here.machine.root / "root/packages/wheelhouse")


@pytest.mark.usefixtures("wheels")
def test_this_machine_becomes_a_fleet_and_is_given_back(here: Here) -> None:
    wanted = ("provision", "here", "--provider", "local", "--runtime", "containerd", "--offline")
    said = json.loads(here(*wanted, "--yes", "-o", "json"))
    assert [(host["name"], host["proved"]) for host in said["hosts"]] == [("here/0", True)]
    assert "127.0.0.1]:7401" in here.machine.run("ss", "--listening", "--tcp", "--numeric")
    name = here("submit", "/root/echo.yaml", "--executor", "local", "-o", "name").strip()
    assert here("logs", "-f", name.rpartition("/")[2]) == "line 1\nline 2\nline 3\n"

    here("destroy", "here", "--yes")
    assert here.machine.run("systemctl", "is-active", "containerd") == "active\n"
    assert here.machine.run("ctr", "--namespace", "k8s.io", "containers", "list", "--quiet") == ""
    for path in ("opt/argoexec", "etc/argoexec", "var/lib/argoexec", "root/fleets/here"):
        assert not (here.machine.root / path).exists()
