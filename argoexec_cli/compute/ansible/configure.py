"""Makes hosts run tasks: a container runtime, the daemon with its certificates, a firewall."""

from __future__ import annotations

import asyncio
import os
import shlex
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec

from argoexec_cli.aio import Cleanups
from argoexec_cli.compute.ansible.failures import failure_of
from argoexec_cli.compute.ansible.inventory import Hosts
from argoexec_cli.compute.ansible.leftovers import LIMIT_S, MARK, end_leftovers
from argoexec_cli.compute.ansible.playbooks import find_playbook
from argoexec_cli.compute.ansible.run import Event, Play, play
from argoexec_cli.compute.ansible.steps import step_of
from argoexec_cli.compute.connection import SharedSsh
from argoexec_cli.compute.events import OnStep, Step
from argoexec_cli.compute.package import Package
from argoexec_cli.models.base import Model
from argoexec_cli.models.connection import Ssh

_LAST: Final = (
    "Configure and start what runs tasks, unless something is missing",
    "Configure and start what runs tasks, now and at every boot",
    "Keep the firewall, as this machine still gets in",
)
# What one of those prints where it was not the last of its host after all.
_MORE: Final = (" lacks ", "firewall in force")
LEASE_FILE: Final = "/var/lib/argoexec-lease/renewed"
"""What the user data of hosts that Terraform made looks at."""


class Target(NamedTuple):
    """A host: how to log in (None: it is this machine), and what it installs."""

    name: str
    login: Ssh | None
    package: Package


class Configuration(Model, kw_only=True):
    """What every host of a run gets.

    The daemon listens on `port` of all addresses, or of loopback `only_here`. Without
    `client_cidrs` no firewall is set up: whoever reaches the port still needs a certificate. With
    them it `guards` the whole host, or nothing but the daemon. With `lease_s` the hosts end
    themselves when they have had neither calls nor work for so long; 0: they could, and never do.
    `daemon_arguments` are further words of `argoexec serve`, `variables` are the roles' own.
    """

    runtime: Literal["docker", "containerd"]
    port: int
    only_here: bool = False
    client_cidrs: tuple[str, ...] = ()
    guards: Literal["host", "daemon"] = "host"
    lease_s: int | None = None
    daemon_arguments: tuple[str, ...] = ()
    variables: dict[str, Any] = msgspec.field(default_factory=dict)


async def configure(
    targets: Callable[[], Awaitable[Sequence[Target]]],
    configuration: Configuration,
    environment: Mapping[str, str],
    on_step: OnStep,
    on_configured: Callable[[str], None] = lambda name: None,
) -> dict[str, int]:
    """Configure all *targets* at once; return how many changes each took.

    Ansible starts while they are awaited. Their certificates are there already.

    *on_configured* is told of each as soon as it is, whatever the others do.

    Repeatable: a second run changes nothing, and a host that is configured half-way is simply
    configured again. Hosts that fail do not stop the others; then the error of the first is
    raised: `UnavailableError`, `DeniedError`, `UnauthenticatedError` or `PreconditionError`, with
    host, task and reason. Cancelling ends Ansible and what it was doing on the hosts.
    """

    def on_event(event: Event) -> None:
        if (step := step_of(event)) is not None:
            on_step(step)
            if _is_last(step, event):
                on_configured(step.subject)

    run_id, reached = uuid.uuid4().hex, list[Target]()

    async def hosts() -> Hosts:
        reached.extend(await targets())
        return hosts_of(reached)

    variables = {**_variables(configuration), "argoexec_environment": {MARK: run_id}}
    what = Play(find_playbook("host.yml"), hosts, variables, environment)
    try:
        outcome = await play(what, on_event)
    except asyncio.CancelledError:
        logins = [target.login for target in reached]
        await Cleanups().run(end_leftovers(logins, run_id), limit_s=LIMIT_S + 2)
        raise
    if not outcome.good:
        raise failure_of(outcome, {each.name: each.login.host for each in reached if each.login})
    return dict(outcome.changed)


def _is_last(step: Step, event: Event) -> bool:
    """Tell whether all is done on a host after this."""
    if step.action not in _LAST or step.state not in ("done", "changed"):
        return False
    said = str((event["event_data"].get("res") or {}).get("stdout", ""))
    return not any(word in said for word in _MORE)


def hosts_of(targets: Sequence[Target]) -> Hosts:
    """Return for the inventory how each host is reached, and what it installs."""
    return {target.name: _host(target) for target in targets}


def _host(target: Target) -> dict[str, Any]:
    login, package = target.login, target.package
    own = {
        "argoexec_package": str(package.archive),
        "argoexec_package_id": package.identity,
        "argoexec_offline": package.complete,
    }
    if login is None:
        local = {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "ansible_become": os.geteuid() != 0,
        }
        return own | local
    host: dict[str, Any] = {
        "ansible_host": login.host,
        "ansible_become": login.user != "root",
        # The distribution's own. To look what else there is would take as long as to use it.
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    if login.user:
        host["ansible_user"] = login.user
    if login.port:
        host["ansible_port"] = login.port
    if login.identity_file:
        host["ansible_ssh_private_key_file"] = str(Path(login.identity_file).expanduser())
        host["ansible_ssh_extra_args"] = "-o IdentitiesOnly=yes"
    if options := _options(login):
        host["ansible_ssh_common_args"] = " ".join(f"-o {shlex.quote(each)}" for each in options)
    return own | host


def _options(login: Ssh) -> list[str]:
    options = list(login.options) if isinstance(login, SharedSsh) else []
    if login.known_hosts_file:
        options.append("StrictHostKeyChecking=yes")
        options.append(f"UserKnownHostsFile={Path(login.known_hosts_file).expanduser()}")
        options.append("GlobalKnownHostsFile=/dev/null")
    return options


def _variables(configuration: Configuration) -> dict[str, Any]:
    everywhere, port = not configuration.only_here, configuration.port
    listen = f"0.0.0.0:{port}" if everywhere else f"127.0.0.1:{port}"
    lease = {"argoexec_lease_file": LEASE_FILE, "argoexec_lease_s": configuration.lease_s}
    return {
        "host_runtime": configuration.runtime,
        "argoexec_listen": [listen],
        "argoexec_arguments": list(configuration.daemon_arguments),
        "firewall_enabled": bool(configuration.client_cidrs),
        "firewall_guards": configuration.guards,
        "firewall_client_cidrs": list(configuration.client_cidrs),
        "firewall_daemon_port": configuration.port,
        # That it shuts us out need not be tried: where it guards more than the daemon, a security
        # group that says the same has let us in.
        "firewall_undo_s": 0,
        **(lease if configuration.lease_s is not None else {}),
        **configuration.variables,
    }
