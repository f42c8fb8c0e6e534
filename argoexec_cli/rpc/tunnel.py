"""A way to the server through SSH: the system's `ssh` carries a socket, as long as it is needed.

`ssh` says by itself when the way is open: it runs LocalCommand once it is logged in and listens.
"""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from argoexec_cli.aio import Tasks
from argoexec_cli.errors import (
    ArgoexecError,
    DeniedError,
    UnauthenticatedError,
    UnavailableError,
)
from argoexec_cli.models.connection import Ssh
from argoexec_cli.proc import Child, Finished, run
from argoexec_cli.rpc.address import Address, Way
from argoexec_cli.scratch import scratch

_OPEN_LIMIT_S: Final = 20.0
_CONNECT_S: Final = 10
_FOR_EVER_S: Final = 10 * 365 * 86400.0
_NO_WAY_ON: Final = re.compile(r"open failed: (?:connect failed: )?(?P<why>[^\r\n]+)")
_UNUSED_KEY: Final = re.compile(r'Load key "(?P<key>[^"]+)": (?P<why>[^\r\n]+)')
# PEM says it in words, OpenSSH's own form by the name of the function (`bcrypt`).
_LOCKED: Final = re.compile(rb"ENCRYPTED|YmNyeXB0")
_OPTIONS: Final = (
    "BatchMode=yes",  # never ask: nobody is there to answer
    "ExitOnForwardFailure=yes",
    "StrictHostKeyChecking=yes",
    "UpdateHostKeys=no",
    "ControlMaster=no",
    "ControlPath=none",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=3",
    f"ConnectTimeout={_CONNECT_S}",
    "PermitLocalCommand=yes",
    "LocalCommand=echo open",
)


@asynccontextmanager
async def tunnelled(ssh: Ssh, address: Address) -> AsyncIterator[Way]:
    """Give a local socket that SSH carries to *address*, which is the host's own.

    Closed when the block ends. Raises `DeniedError` for a login that is refused,
    `UnauthenticatedError` for a host key that is unknown or has changed, `UnavailableError` when
    the host does not answer, `PreconditionError` without a program `ssh`.
    """
    with scratch("argoexec-ssh-") as directory:
        tunnel = _Tunnel(ssh, directory / "s", address)
        try:
            await tunnel.open()
            yield Way(Address(path=tunnel.local), tunnel.complaint, carried=True)
        finally:
            await tunnel.close()


def ssh_arguments(ssh: Ssh) -> list[str]:
    """Return what `ssh` is told about the host, its keys and ours."""
    arguments = []
    if ssh.known_hosts_file:
        known = Path(ssh.known_hosts_file).expanduser()
        arguments += ["-o", f'UserKnownHostsFile="{known}"', "-o", "GlobalKnownHostsFile=/dev/null"]
    if ssh.identity_file:
        arguments += ["-i", str(Path(ssh.identity_file).expanduser()), "-o", "IdentitiesOnly=yes"]
    if ssh.port:
        arguments += ["-p", str(ssh.port)]
    if ssh.user:
        arguments += ["-l", ssh.user]
    return [*arguments, "--", ssh.host]


class _Tunnel:
    """One `ssh` that runs."""

    def __init__(self, ssh: Ssh, local: Path, target: Address) -> None:
        self._ssh = ssh
        self.local = local
        remote = str(target.path) if target.path is not None else str(target)
        options = [word for option in _OPTIONS for word in ("-o", option)]
        self._argv = ["ssh", "-N", "-T", *options, "-L", f"{local}:{remote}", *ssh_arguments(ssh)]
        self._tasks = Tasks()
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._said = ""

    async def open(self) -> None:
        self._tasks.spawn(self._run(), name=f"ssh to {self._ssh.host}")
        try:
            async with asyncio.timeout(_OPEN_LIMIT_S):
                await self._opened
        except TimeoutError as exc:
            text = f"{self._ssh.host} did not answer over SSH within {_OPEN_LIMIT_S:g} s"
            raise UnavailableError(text, hint=by_hand(self._ssh)) from exc

    async def close(self) -> None:
        await self._tasks.stop()
        if self._opened.done() and not self._opened.cancelled():
            self._opened.exception()

    def complaint(self) -> str:
        """Return why the last connection found nobody at the other end of the tunnel."""
        found = _NO_WAY_ON.findall(self._said)
        return found[-1].strip().lower() if found else ""

    async def _run(self) -> None:
        child = Child(self._argv, _FOR_EVER_S, grace_s=2.0, tethered=True)
        try:
            ended = await run(child, on_stdout=self._heard, on_stderr=self._hear)
        except ArgoexecError as exc:
            self._fail(exc)
        else:
            self._fail(_failure(ended, self._ssh))

    def _heard(self, _: bytes) -> None:
        if not self._opened.done():
            self._opened.set_result(None)

    def _hear(self, data: bytes) -> None:
        self._said = (self._said + data.decode(errors="replace"))[-4096:]

    def _fail(self, error: ArgoexecError) -> None:
        if not self._opened.done():
            self._opened.set_exception(error)


def _failure(ended: Finished, ssh: Ssh) -> ArgoexecError:
    said = ended.stderr.decode(errors="replace")
    last = _last(said) or f"ssh ended with exit code {ended.exit_code}"
    if "IDENTIFICATION HAS CHANGED" in said:
        text = f"the SSH host key of {ssh.host} has changed: it may be another machine"
        return UnauthenticatedError(text, hint=forget(ssh))
    if "Host key verification failed" in said:
        text = f"the SSH host key of {ssh.host} is not known here"
        return UnauthenticatedError(text, hint=by_hand(ssh))
    if "Permission denied" in said or "Too many authentication failures" in said:
        return refused(ssh, said)
    return UnavailableError(f"no way to {ssh.host} over SSH: {last}", hint=by_hand(ssh))


def refused(ssh: Ssh, said: str) -> DeniedError:
    """Return the error for a login that was refused, which may be for a key that ssh left out."""
    if found := _UNUSED_KEY.search(said):
        key = shlex.quote(found["key"])
        hint = f"name the private key; what this file is: ssh-keygen -l -f {key}"
        if "bad permissions" in found["why"]:
            hint = f"chmod 600 {key}"
        return DeniedError(f"ssh does not take the key {found['key']}: {found['why']}", hint=hint)
    text = f"{ssh.host} refuses the SSH login: {_last(said)}"
    return DeniedError(text, hint=by_hand(ssh) + _passphrase(ssh.identity_file))


def _passphrase(identity: str) -> str:
    """Return what helps where the key has a passphrase: nobody is asked for it."""
    try:
        key = Path(identity).expanduser().read_bytes() if identity else b""
    except OSError:
        return ""
    return f"; the key has a passphrase: ssh-add {identity}" if _LOCKED.search(key) else ""


def _last(said: str) -> str:
    return said.strip().rpartition("\n")[2].strip()


def forget(ssh: Ssh) -> str:
    """Return the hint with the command that forgets a host's key, once it is known to be right."""
    host = f"[{ssh.host}]:{ssh.port}" if ssh.port not in (0, 22) else ssh.host
    file = f" -f {ssh.known_hosts_file}" if ssh.known_hosts_file else ""
    return f"if it was rebuilt on purpose: ssh-keygen -R '{host}'{file}"


def by_hand(ssh: Ssh) -> str:
    """Return the hint with the command with which a person tries the same."""
    key = f" -i {ssh.identity_file}" if ssh.identity_file else ""
    known = f" -o UserKnownHostsFile={ssh.known_hosts_file}" if ssh.known_hosts_file else ""
    port = f" -p {ssh.port}" if ssh.port else ""
    user = f"{ssh.user}@" if ssh.user else ""
    return f"try it by hand: ssh{port}{key}{known} {user}{ssh.host}"
