"""SSH to a fleet's hosts: own keys, an own list of host keys, and waiting with a reason."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from typing import Final, NamedTuple

from argoexec_cli.compute.connection import SharedSsh
from argoexec_cli.compute.events import OnStep, Step
from argoexec_cli.compute.models import Finding
from argoexec_cli.errors import (
    ArgoexecError,
    DeniedError,
    NotFoundError,
    PreconditionError,
    TimedOutError,
    UnauthenticatedError,
    UnavailableError,
)
from argoexec_cli.files import replace_file
from argoexec_cli.models.connection import Ssh
from argoexec_cli.proc import Child, Finished, run
from argoexec_cli.rpc.tunnel import by_hand, forget, refused, ssh_arguments

ACTION: Final = "wait for SSH"
_OPTIONS: Final = (
    "BatchMode=yes",
    "ConnectTimeout=5",
    "ServerAliveInterval=15",
    "HashKnownHosts=no",
)
_PAUSE_S: Final = 0.5
_LOGIN_LIMIT_S: Final = 900.0
# cloud-init itself takes half a second to say that it has ended, or is not wanted.
_READY: Final = (
    "[ -e /run/cloud-init/result.json ] || [ -e /run/cloud-init/disabled ] || "
    "! command -v cloud-init >/dev/null || cloud-init status --wait >/dev/null 2>&1; "
    "[ -x /usr/bin/python3 ] || echo no-python; "
    '[ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null || echo no-sudo'
)
_REASONS: Final = (
    (r"Connection refused", "its SSH server has not started yet"),
    (
        r"timed out|No route to host|Network is unreachable",
        "it does not answer: still booting, or a firewall lets nothing through from here",
    ),
    (r"Permission denied|Too many authentication", "it does not know our key yet"),
    (r"closed by|reset by|banner|kex_exchange", "its SSH server is starting"),
)


def ensure_key(path: Path) -> str:
    """Return the public key of the pair at *path*, which is made (0600) when there is none."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if path.exists():
        private = form.load_ssh_private_key(path.read_bytes(), password=None)
    else:
        private = Ed25519PrivateKey.generate()
        none = form.NoEncryption()
        data = private.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, none)
        replace_file(path, data, 0o600)
    public = private.public_key()
    return public.public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()


def forget_host_key(known_hosts: Path, address: str) -> None:
    """Forget the key of the host that had *address* before; none there is no error.

    Host names stand in the file in clear (`HashKnownHosts=no`), so that they are found in it.
    """
    if not known_hosts.exists():
        return
    lines = known_hosts.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if address.encode() not in _names(line)]
    if len(kept) < len(lines):
        replace_file(known_hosts, b"".join(kept), 0o600)


def _names(line: bytes) -> list[bytes]:
    """Return the hosts that a line of known_hosts is about, without ports."""
    names = line.partition(b" ")[0].split(b",")
    return [name.removeprefix(b"[").partition(b"]")[0] for name in names]


async def find_program() -> Finding:
    """Look for `ssh`, before there is anything to log in to. `PreconditionError` without it."""
    done = await run(Child(["ssh", "-V"], 10.0))
    return Finding(check="ssh", state="ok", found=done.stderr.decode(errors="replace").strip())


async def ssh(
    target: Ssh, command: str, *, stdin: bytes = b"", timeout_s: float, strict: bool = False
) -> Finished:
    """Run a shell *command* on the host; its exit code is the answer's, 255 where SSH failed.

    The key of a host that is met for the first time is noted; *strict*: then SSH fails.
    """
    checking = f"StrictHostKeyChecking={'yes' if strict else 'accept-new'}"
    options = [*_OPTIONS, checking, *(target.options if isinstance(target, SharedSsh) else ())]
    words = [word for option in options for word in ("-o", option)]
    argv = ["ssh", "-T", *words, *ssh_arguments(target), command]
    return await run(Child(argv, timeout_s, stdin=stdin))


class Limits(NamedTuple):
    """How long to wait for a login, how long of that while it is refused, and what may help when it
    was in vain.
    """

    login_s: float
    refused_s: float
    advice: str = ""


async def wait_for_login(target: Ssh, subject: str, on_step: OnStep, limits: Limits) -> None:
    """Return when we may log in and become root there, and its first boot's own work is done.

    Tells *on_step* whenever the reason for waiting changes. `TimedOutError` in the end, with the
    last reason; at once `UnauthenticatedError` for a changed host key, `NotFoundError` for an
    unknown name, `PreconditionError` without Python or sudo, `DeniedError` when the key stays
    unknown.
    """
    on_step(Step(source="boot", action=ACTION, state="started", subject=subject))
    try:
        await _until_login(target, subject, on_step, limits)
    except ArgoexecError as exc:
        failed = Step(
            source="boot", action=ACTION, state="failed", subject=subject, detail=exc.message
        )
        on_step(failed)
        raise
    on_step(Step(source="boot", action=ACTION, state="done", subject=subject))


async def _until_login(target: Ssh, subject: str, on_step: OnStep, limits: Limits) -> None:
    began, told = time.monotonic(), ""
    while True:
        done = await ssh(target, _READY, timeout_s=_LOGIN_LIMIT_S)
        if done.exit_code != 255:
            _check_ready(done, subject)
            return
        said = done.stderr.decode(errors="replace")
        waited = time.monotonic() - began
        _raise_if_hopeless(said, target, subject, patient=waited < limits.refused_s)
        reason = _reason(said)
        if waited > limits.login_s:
            raise TimedOutError(
                f"{subject}: no SSH login within {limits.login_s:g} s: {reason}",
                hint=by_hand(target) + limits.advice,
            )
        if reason != told:
            told = reason
            on_step(
                Step(source="boot", action=ACTION, state="waiting", subject=subject, detail=reason)
            )
        await asyncio.sleep(_PAUSE_S)


def _last(said: str) -> str:
    return said.strip().rpartition("\n")[2]


def _reason(said: str) -> str:
    for pattern, reason in _REASONS:
        if re.search(pattern, said):
            return reason
    return _last(said) or "SSH ended without a word"


def _raise_if_hopeless(said: str, target: Ssh, subject: str, *, patient: bool) -> None:
    if "IDENTIFICATION HAS CHANGED" in said or "Host key verification failed" in said:
        raise UnauthenticatedError(
            f"{subject}: the SSH host key of {target.host} has changed: it may be another machine",
            hint=forget(target),
        )
    if "Could not resolve hostname" in said:
        raise NotFoundError(f"{subject}: nobody knows a host {target.host}", hint=by_hand(target))
    if "Permission denied" in said and not patient:
        why = refused(target, said)
        raise DeniedError(f"{subject}: {why.message}", hint=why.hint)


def _check_ready(done: Finished, subject: str) -> None:
    said = done.stdout.decode(errors="replace").split()
    if "no-python" in said:
        raise PreconditionError(
            f"{subject} has no /usr/bin/python3, which Ansible needs",
            hint="install it there: sudo apt-get install python3, or sudo dnf install python3",
        )
    if "no-sudo" in said:
        raise PreconditionError(
            f"{subject}: the login may not become root without a password",
            hint="log in as root, or allow it in /etc/sudoers.d: USER ALL=(ALL) NOPASSWD:ALL",
        )
    if done.exit_code:
        said_last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise UnavailableError(f"{subject}: {said_last}", hint="argoexec provision, again")
