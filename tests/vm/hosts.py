"""The whole chain on hosts with a kernel of their own: control groups v2, AppArmor, strict IMDSv2.

Not called test_*, so that only `make test-vm` finds it.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compute.fleet.program import Program
from tests.compute.provider import terraform_environment
from tests.engines.availability import need
from tests.lab import rootfs, virtual
from tests.lab.ec2 import Ec2
from tests.vm.fleet import LIMIT_S, VirtualFleet, until

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(2 * LIMIT_S)]
_V1 = "http://169.254.169.254/latest/meta-data/instance-id"
_ASK_V1 = f"""python3 -c '
import urllib.request, urllib.error
try:
    print(urllib.request.urlopen("{_V1}", timeout=20).status)
except urllib.error.HTTPError as error:
    print(error.code)'"""
# What a container says to be given a token, and what it is told, if anything.
_ASK_V2 = (
    r"printf 'PUT /latest/api/token HTTP/1.0\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n'"
    " | timeout 30 nc 169.254.169.254 80 | head -n 1"
)
# As EC2 sends answers whose hops are limited to one, which the machine itself is.
_ONE_HOP = (
    "nft add table ip ec2;"
    "nft 'add chain ip ec2 input { type filter hook prerouting priority raw; }';"
    "nft 'add rule ip ec2 input ip saddr 169.254.169.254 tcp flags & psh == psh ip ttl set 1'"
)
_PROFILES = {"docker": "docker-default", "containerd": "argoexec-default"}


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Give a private directory for the module's fleets."""
    path = Path(tempfile.mkdtemp(prefix="ax-vm-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def ec2(pytestconfig: pytest.Config) -> Iterator[Ec2]:
    """Give an EC2 of virtual machines, whose metadata service wants a token."""
    need(pytestconfig, "terraform", *rootfs.PROGRAMS, *virtual.PROGRAMS)
    with Ec2(virtual.VirtualMachine, v1=False) as running:
        yield running


@pytest.fixture(scope="module", params=["docker", "containerd"])
def fleet(request: pytest.FixtureRequest, ec2: Ec2, home: Path) -> VirtualFleet:
    """Give a fleet of one host; the last test of the module destroys it."""
    more = {**ec2.environment, **terraform_environment(home)}
    return VirtualFleet(Program(home, more, limit_s=LIMIT_S), ec2, request.param)


def test_a_workflow_runs_there(fleet: VirtualFleet) -> None:
    fleet.program.run_echo(fleet.name)
    assert fleet.say("stat -fc %T /sys/fs/cgroup") == "cgroup2fs"
    assert fleet.say("cat /sys/module/apparmor/parameters/enabled") == "Y"
    assert fleet.say("systemctl --failed --no-legend --plain") == ""


def test_metadata_is_for_holders_of_a_token(fleet: VirtualFleet) -> None:
    assert fleet.say(_ASK_V1) == "401"
    # And still its user data came: it armed the lease.
    assert fleet.say("systemctl is-active argoexec-lease.timer") == "active"
    assert int(fleet.say("argoexec-lease left")) > 0


def test_containers_get_no_token(fleet: VirtualFleet, ec2: Ec2) -> None:
    (instance,) = ec2.instances("running")
    asked = instance.metadata_options
    assert (asked.http_tokens, asked.http_put_response_hop_limit) == ("required", 1)
    # They ask rightly: where the hops are not limited, they get one.
    assert "200 OK" in fleet.output("far", _ASK_V2)
    fleet.say(_ONE_HOP)
    assert "HTTP" not in fleet.output("near", _ASK_V2)
    assert "200 OK" in fleet.say(_ASK_V2.replace(" nc ", " busybox nc "))
    fleet.say("nft delete table ip ec2")


def test_too_much_memory_is_told(fleet: VirtualFleet) -> None:
    limits = {"resources": {"limits": {"memory": "32Mi"}}}
    assert fleet.output("limit", "cat /sys/fs/cgroup/memory.max", container=limits) == "33554432\n"
    # Several at once: an engine that is busy does not hear of all of them.
    names = [f"hog-{number}" for number in range(3)]
    for name in names:
        fleet.submit(name, "tail /dev/zero", container=limits)
    for name in names:
        ended = fleet.ended(name)["containerStatuses"][0]["state"]["terminated"]
        assert (ended["exitCode"], ended["reason"]) == (137, "OOMKilled")


def test_apparmor_confines_containers(fleet: VirtualFleet) -> None:
    confined = f"{_PROFILES[fleet.runtime]} (enforce)\n"
    assert fleet.output("confined", "cat /proc/self/attr/current") == confined


def test_a_task_outlives_the_daemon(fleet: VirtualFleet) -> None:
    fleet.submit("on", "echo began; until [ -e /tmp/go ]; do sleep 1; done; echo ended")
    until(lambda: "began" in fleet.argoexec("logs", "pod/on"))
    before = fleet.pod("on")["status"]["containerStatuses"][0]["containerID"]
    for how in ("restart", "kill --signal KILL"):
        pid = fleet.daemon()
        fleet.say(f"systemctl {how} argoexec")
        until(lambda pid=pid: fleet.daemon() not in ("", "0", pid))  # type: ignore[misc] # bound at once
        until(fleet.answers)
    fleet.argoexec("exec", "pod/on", "--", "touch", "/tmp/go")
    ended = fleet.ended("on")
    assert (ended["phase"], ended["containerStatuses"][0]["containerID"]) == ("Succeeded", before)
    assert fleet.argoexec("logs", "pod/on") == "began\nended\n"


def test_a_reboot_ends_or_restarts_what_ran(fleet: VirtualFleet) -> None:
    fleet.submit("once", "echo began; sleep 3600")
    fleet.submit("again", "echo began; sleep 3600", restartPolicy="OnFailure")
    for name in ("once", "again"):
        until(lambda name=name: "began" in fleet.argoexec("logs", f"pod/{name}"))  # type: ignore[misc] # bound at once
    fleet.restart(lambda: fleet.ssh("systemctl reboot"))
    once = fleet.ended("once")
    assert (once["phase"], once["reason"]) == ("Failed", "Lost")
    assert once["message"] == "the host was restarted while container main ran"
    until(lambda: runs_again(fleet, "again"))
    fleet.argoexec("delete", "pod/again", "pod/once")
    assert fleet.say("systemctl is-active argoexec-lease.timer argoexec") == "active\nactive"
    fleet.program.run_echo(fleet.name)


def runs_again(fleet: VirtualFleet, name: str) -> bool:
    """Tell whether the pod's container runs, and not for the first time."""
    status = fleet.pod(name)["status"]["containerStatuses"][0]
    return status["restartCount"] > 0 and "running" in status["state"]


def test_a_power_cut_is_survived(fleet: VirtualFleet) -> None:
    fleet.submit("cut", "echo began; sleep 3600")
    until(lambda: "began" in fleet.argoexec("logs", "pod/cut"))
    fleet.say("sync")  # as the daemon does at a task's end; before, the last lines are the kernel's
    fleet.restart(fleet.host.reboot)
    assert fleet.ended("cut")["reason"] == "Lost"
    assert "began" in fleet.argoexec("logs", "pod/cut")
    fleet.argoexec("delete", "pod/cut")
    fleet.program.run_echo(fleet.name)


def test_nothing_is_left_of_it(fleet: VirtualFleet, ec2: Ec2) -> None:
    fleet.program("destroy", fleet.name, "--yes").good()
    assert not ec2.instances("running", "stopped")
    assert json.loads(fleet.program("leaks", "-o", "json").good().out) == []
    assert not (fleet.program.home / "fleets" / fleet.name).exists()
    until(lambda: not ec2.hosts)
