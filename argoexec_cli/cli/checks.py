"""What `doctor` looks at. Every check ends with a finding; none raises for what it finds."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

import msgspec

from argoexec_cli import __version__
from argoexec_cli.cli.certificates import Held, of_contexts
from argoexec_cli.cli.engines import PATIENCE_S, ask_containerd, ask_docker
from argoexec_cli.cli.session import Session
from argoexec_cli.config.settings import Setting
from argoexec_cli.errors import ArgoexecError
from argoexec_cli.models.base import Model

State = Literal["ok", "note", "wrong"]
_LOW_DISK: Final = 1 << 30
_OPTIONAL_TOOLS: Final = {
    "ansible-playbook": ("configures hosts", "pip install 'argoexec[ansible]'"),
    "terraform": ("makes hosts", "https://developer.hashicorp.com/terraform/install"),
}
_ENGINE_FIXES: Final = {
    "docker": "install and start it: apt-get install docker.io; argoexec demo does so for itself",
    "containerd": "only in place of Docker: ansible-playbook ansible/playbooks/containerd.yml",
}


class Finding(Model, kw_only=True):
    """What a check found. `note`: works, but look at it; `wrong`: needed, and not there."""

    check: str
    state: State
    found: str
    fix: str = ""


Check = Callable[[Session], Awaitable[list[Finding]]]


async def examine(session: Session) -> list[Finding]:
    """Run every check, all at once; return the findings in a fixed order."""
    groups = await asyncio.gather(*(check(session) for check in _CHECKS))
    return [finding for group in groups for finding in group]


async def check_program(session: Session) -> list[Finding]:
    """Tell which program this is."""
    python = ".".join(map(str, sys.version_info[:3]))
    return [Finding(check="program", state="ok", found=f"argoexec {__version__}, Python {python}")]


async def check_settings(session: Session) -> list[Finding]:
    """Tell each setting with its origin; a config file that is wrong is an error of its own."""
    settings = session.settings
    named = {
        "config file": settings.config,
        "server": settings.server,
        "data directory": settings.data_dir,
        "registry file": settings.registry,
    }
    return [_setting(name, setting) for name, setting in named.items()]


async def check_engines(session: Session) -> list[Finding]:
    """Ask Docker Engine and containerd for their versions: one of them is enough.

    But Docker has to be there when somebody says where.
    """
    settings = session.settings
    docker, containerd = await asyncio.gather(
        _engine("docker", ask_docker(settings.docker_host.value)),
        _engine("containerd", ask_containerd(settings.containerd_host.value)),
    )
    if containerd.state == "ok" and not settings.docker_host.value:
        docker = _pardoned(docker)
    return [docker, _pardoned(containerd)]


async def _engine(name: str, question: Awaitable[str]) -> Finding:
    try:
        return Finding(check=name, state="ok", found=await question)
    except ArgoexecError as exc:
        return Finding(check=name, state="wrong", found=exc.message, fix=_ENGINE_FIXES[name])


def _pardoned(finding: Finding) -> Finding:
    """Return *finding* as it is when something else does the work."""
    return msgspec.structs.replace(finding, state="note") if finding.state == "wrong" else finding


async def check_daemon(session: Session) -> list[Finding]:
    """Ask the daemon who it is, and compare its version."""
    from argoexec_cli.cli.connect import connect

    try:
        async with asyncio.timeout(PATIENCE_S), connect(session) as server:
            info = server.info
    except (ArgoexecError, TimeoutError) as exc:
        fix = _start_at(session.settings.server.value, f"unix://{session.settings.socket.value}")
        return [Finding(check="daemon", state="wrong", found=_words(exc), fix=fix)]
    capacity = info.capacity
    found = (
        f"{info.name} at {session.settings.server.value}: version {info.version}, runtime "
        f"{info.runtime} {info.runtime_version}, {capacity.running_pods} pods run, "
        f"{capacity.queued_pods} wait"
    )
    policy = _policy(info.granted)
    if info.version == __version__:
        return [Finding(check="daemon", state="ok", found=found), policy]
    fix = "argoexec serve --stop, then argoexec serve --detach"
    return [Finding(check="daemon", state="note", found=found, fix=fix), policy]


def _policy(granted: tuple[str, ...]) -> Finding:
    """Tell what the daemon lets pods have beyond the usual."""
    found = f"pods may have: {', '.join(granted)}" if granted else "pods get nothing special"
    return Finding(check="policy", state="ok", found=found)


def _start_at(address: str, usual: str) -> str:
    """Return the command that starts a daemon which answers at *address*."""
    if address == usual:
        return "argoexec serve --detach"
    from argoexec_cli.rpc.address import start_hint

    return start_hint(address)


async def check_registry(session: Session) -> list[Finding]:
    """Look for a default executor."""
    from argoexec_cli.controller.registry import read_registry_file

    fix = "argoexec register NAME --endpoint ADDRESS --default"
    try:
        name = read_registry_file(Path(session.settings.registry.value)).default
    except ArgoexecError as exc:
        return [Finding(check="registry", state="wrong", found=exc.message, fix=exc.hint)]
    if name:
        return [Finding(check="registry", state="ok", found=f"default executor: {name}")]
    found = "no default executor: runs go to the cluster unless they say --executor"
    return [Finding(check="registry", state="note", found=found, fix=fix)]


async def check_disk(session: Session) -> list[Finding]:
    """Look at the room for state and logs."""
    directory = Path(session.settings.data_dir.value)
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    # A daemon that was started with --data-dir, or elsewhere, does not tell where it keeps things.
    found = f"{free / (1 << 30):.1f} GiB free for {directory} (a daemon's default directory)"
    if free >= _LOW_DISK:
        return [Finding(check="disk", state="ok", found=found)]
    fix = "argoexec delete --completed --older 1d, or serve --data-dir on a larger disk"
    return [Finding(check="disk", state="wrong", found=found, fix=fix)]


async def check_certificates(session: Session) -> list[Finding]:
    """Look at the certificates of all contexts: which have expired, or will before long."""
    held = of_contexts(session.settings.contexts)
    return [_certificate(each) for each in held] or [
        Finding(check="certificates", state="ok", found="no context uses any")
    ]


def _certificate(held: Held) -> Finding:
    check, found = "certificate", held.certificate
    if found is None:
        fix = "argoexec context list"
        return Finding(check=check, state="wrong", found=f"{held.owner}: {held.problem}", fix=fix)
    text = f"{held.owner}: valid until {found.not_after:%Y-%m-%d %H:%M} UTC"
    if found.left() > timedelta(0) and not found.due():
        return Finding(check=check, state="ok", found=text)
    state: State = "note" if found.left() > timedelta(0) else "wrong"
    return Finding(check=check, state=state, found=text, fix="argoexec certs rotate FLEET")


async def check_tools(session: Session) -> list[Finding]:
    """Look for the programs that only some commands need."""
    findings = []
    for tool, (purpose, fix) in _OPTIONAL_TOOLS.items():
        path = which(tool)
        found = path or f"not installed; it {purpose}, nothing else needs it"
        state: State = "ok" if path else "note"
        findings.append(Finding(check=tool, state=state, found=found, fix="" if path else fix))
    return findings


def which(tool: str) -> str | None:
    """Find a program on the PATH or beside this Python, where a virtual environment has it."""
    return shutil.which(tool) or shutil.which(tool, path=str(Path(sys.executable).parent))


_CHECKS: Final[tuple[Check, ...]] = (
    check_program,
    check_settings,
    check_engines,
    check_daemon,
    check_registry,
    check_disk,
    check_certificates,
    check_tools,
)


def _setting(name: str, setting: Setting) -> Finding:
    return Finding(check=name, state="ok", found=f"{setting.value} ({setting.origin})")


def _words(error: Exception) -> str:
    if isinstance(error, ArgoexecError):
        return error.message
    return f"no answer within {PATIENCE_S:g} s"
