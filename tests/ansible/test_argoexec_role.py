"""The roles `argoexec` and `firewall` on a real host: systemd, apt, SSH, mTLS."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from argoexec_cli.compute.ansible import Configuration, Target, configure, playbooks
from argoexec_cli.compute.ansible.configure import LEASE_FILE
from argoexec_cli.compute.connection import shared
from argoexec_cli.compute.events import Step
from argoexec_cli.compute.fleet.ansible import AnsibleConfigure
from argoexec_cli.compute.fleet.given import GivenHosts
from argoexec_cli.compute.fleet.provision import Tools
from argoexec_cli.compute.fleet.record import Fleet
from argoexec_cli.compute.fleet.rotation import rotate
from argoexec_cli.compute.fleet.store import Place
from argoexec_cli.compute.package import packages_for
from argoexec_cli.compute.trust import FleetTrust, ensure_client, ensure_host, open_trust
from argoexec_cli.config.load import child_environment
from argoexec_cli.errors import ArgoexecError, PreconditionError, UnauthenticatedError
from argoexec_cli.models.connection import Endpoint, Ssh
from argoexec_cli.rpc.channel import connect
from tests.engines.availability import need
from tests.engines.sshd import make_key
from tests.lab.cache import cached
from tests.lab.machine import Machine
from tests.lab.network import GATEWAY
from tests.lab.rootfs import PROGRAMS, USER

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]

ROLES = Path(__file__).parents[2] / "ansible" / "roles"
# The daemon alone: the roles of the runtimes have tests of their own.
PLAYBOOK = f"""\
- hosts: all
  gather_subset: [min]
  tasks:
    - ansible.builtin.import_role: {{name: {ROLES}/argoexec}}
    - ansible.builtin.include_role: {{name: {ROLES}/firewall}}
      when: firewall_enabled
"""


class Host:
    """A machine, the certificates of its fleet, and ways to look at it."""

    def __init__(self, machine: Machine, place: Path) -> None:
        self.machine = machine
        self.place = place
        self.lease_s = 3600
        self.trust: FleetTrust = open_trust(place / "trust", "lab")
        key = machine.run("cat", "/etc/ssh/ssh_host_ed25519_key.pub").split()
        known = place / "known_hosts"
        known.write_text(f"{machine.address} {key[0]} {key[1]}\n")
        self.login = Ssh(
            host=machine.address,
            user=USER,
            identity_file=str(place / "key"),
            known_hosts_file=str(known),
        )
        self.endpoint = Endpoint(server=f"{machine.address}:7401", tls=ensure_client(self.trust))

    async def target(self) -> Target:
        """Return what Ansible is told of it; everything to install comes along."""
        cache = cached("packages", "any", lambda directory: None)
        packages = await packages_for(
            {"lab-0": self.login}, cache, child_environment(), offline=True
        )
        return Target("lab-0", self.login, packages["lab-0"])

    async def configure(self, *cidrs: str, **variables: Any) -> tuple[int, list[Step]]:
        """Apply the roles; return the number of changes, and the steps."""
        certificates = ensure_host(self.trust, "lab-0", [self.machine.address])
        wanted = Configuration(
            runtime="docker",
            port=7401,
            client_cidrs=cidrs,
            lease_s=self.lease_s,
            daemon_arguments=("--runtime", "fake"),
            variables={"argoexec_tls_source": str(certificates), **variables},
        )
        steps: list[Step] = []

        async with shared({"lab-0": self.login}) as logins:

            async def these() -> list[Target]:
                return [(await self.target())._replace(login=logins["lab-0"])]

            changed = await configure(these, wanted, child_environment(), steps.append)
        return changed["lab-0"], steps

    async def version(self) -> str:
        """Ask the daemon who it is."""
        async with connect(self.endpoint) as connection:
            return connection.info.version

    def pid(self) -> str:
        """Return the daemon's process id."""
        return self.machine.run(
            "systemctl", "show", "--property", "MainPID", "--value", "argoexec"
        ).strip()


@pytest.fixture(scope="module")
def host(pytestconfig: pytest.Config) -> Iterator[Host]:
    """Give a host that nobody has configured yet; it is shared, and only gets further."""
    need(pytestconfig, *PROGRAMS)
    place = Path(tempfile.mkdtemp(prefix="ax-role-")) / "lab"
    place.mkdir()
    make_key(place / "key")
    machine = Machine()
    try:
        machine.authorize((place / "key.pub").read_text())
        machine.start()
        until(machine.answers)
        yield Host(machine, place)
    finally:
        machine.remove()
        shutil.rmtree(place.parent)


@pytest.fixture(autouse=True)
def playbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the playbook above found in the place of the project's own."""
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks" / "host.yml").write_text(PLAYBOOK)
    (tmp_path / "roles").symlink_to(ROLES)
    monkeypatch.setattr(playbooks, "_PLACES", (tmp_path,))


def until(ready: Any, limit_s: float = 180) -> None:
    """Wait for what happens on the host."""
    deadline = time.monotonic() + limit_s
    while not ready():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


async def test_a_host_is_configured_again_wherever_it_was_cut_off(host: Host) -> None:
    # As if the last run had ended in the middle of installing, by a power cut.
    host.machine.run("mkdir", "-p", "/opt/argoexec/releases/half/bin", "/etc/argoexec/tls")
    with pytest.raises(ArgoexecError, match="lab-0: "):
        await host.configure(argoexec_interpreter="/usr/bin/false")
    changes, _ = await host.configure()
    assert changes > 0
    assert await host.version()
    files = host.machine.run("find", "/etc/argoexec/tls", "-type", "f", "-printf", "%m %f\n")
    assert sorted(files.split("\n")) == ["", "600 ca.crt", "600 tls.crt", "600 tls.key"]


async def test_a_second_run_changes_nothing(host: Host) -> None:
    assert (await host.configure())[0] == 0


async def test_another_lease_reaches_the_host(host: Host) -> None:
    # One that ran out long ago, were it as short as it becomes.
    host.machine.run("touch", "-d", "1 hour ago", LEASE_FILE)
    host.lease_s = 900
    assert (await host.configure())[0] == 1
    assert host.machine.run("cat", "/etc/argoexec/lease-seconds") == "900\n"
    age_s = time.time() - float(host.machine.run("stat", "-c", "%Y", LEASE_FILE))
    assert age_s < 900
    assert (await host.configure())[0] == 0


async def test_the_daemon_comes_back_by_itself(host: Host) -> None:
    before = host.pid()
    host.machine.run("kill", "-KILL", before)
    await asyncio.to_thread(until, lambda: host.pid() not in ("0", before))
    for _ in range(600):
        try:
            assert await host.version()
            return
        except ArgoexecError:
            await asyncio.sleep(0.1)
    raise AssertionError("it does not answer")


async def test_new_certificates_are_in_use_without_a_restart(host: Host) -> None:
    pid = host.pid()
    before = served(host)
    place = Place(host.place)
    place.known_hosts.parent.mkdir()
    shutil.copy(host.login.known_hosts_file, place.known_hosts)
    fleet = Fleet(name="lab", provider="ssh", given=(host.login,), created=datetime.now(UTC))
    tools = Tools(place, GivenHosts(fleet, place), AnsibleConfigure({}), lambda step: None)
    fleet = msgspec.structs.replace(fleet, hosts=await tools.compute.apply())
    host.machine.run("chmod", "-R", "a+rX", "/etc/argoexec/tls")
    rotated = await rotate(fleet, tools)
    modes = host.machine.run("find", "/etc/argoexec/tls", "-printf", "%m %f\n").split("\n")
    assert sorted(modes) == ["", "600 ca.crt", "600 tls.crt", "600 tls.key", "700 tls"]
    assert place.load() == rotated
    assert rotated.hosts[0].configured
    assert await host.version()
    assert served(host) != before

    # Somebody has a copy of the old certificates: with a new authority they are worth nothing.
    stolen = shutil.copytree(host.place / "trust", host.place / "stolen")
    old = Endpoint(server=host.endpoint.server, tls=ensure_client(open_trust(stolen, "lab")))
    async with connect(old):
        await rotate(fleet, tools, authority=True)
    host.trust = open_trust(host.place / "trust", "lab")
    assert await host.version()
    with pytest.raises(UnauthenticatedError):
        async with connect(old):
            pass
    assert host.pid() == pid


def served(host: Host) -> str:
    """Return the certificate that the daemon shows."""
    script = f"import ssl; print(ssl.get_server_certificate(('{host.machine.address}', 7401)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_the_firewall_lets_clients_in_and_is_undone_where_it_locks_us_out(
    host: Host,
) -> None:
    changes, _ = await host.configure(f"{GATEWAY}/32", firewall_undo_s=40)
    assert changes > 0
    assert "policy drop" in host.machine.run("nft", "list", "table", "inet", "argoexec")
    assert await host.version()
    assert (await host.configure(f"{GATEWAY}/32"))[0] == 0
    assert host.machine.run("systemctl", "is-enabled", "argoexec-firewall") == "enabled\n"
    # As a run leaves it that is cut off before it has seen that it still gets in.
    host.machine.run("systemctl", "disable", "argoexec-firewall")
    assert (await host.configure(f"{GATEWAY}/32"))[0] > 0
    assert host.machine.run("systemctl", "is-enabled", "argoexec-firewall") == "enabled\n"
    with pytest.raises(PreconditionError, match="would lock this machine out"):
        await host.configure("192.0.2.0/24", firewall_undo_s=20)
    await asyncio.to_thread(
        until, lambda: "argoexec" not in host.machine.run("nft", "list", "ruleset")
    )
    enabled = host.machine.run("sh", "-c", "systemctl is-enabled argoexec-firewall || true")
    assert enabled == "disabled\n"
    assert await host.version()
