"""Where the daemon may listen, and the unix socket: private, and never taken from a live daemon."""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from grpc import ServerCredentials, aio

from argoexec_cli.errors import DeniedError, PreconditionError
from argoexec_cli.rpc.address import Address

_log = logging.getLogger(__name__)
_PROBE_S = 1.0


def refuse_exposed(address: Address, *, insecure: bool, tls: bool = False) -> None:
    """Raise `PreconditionError` for an address that other machines reach, unless *insecure*.

    With *tls* clients have to say who they are, so any address will do.
    """
    if address.loopback or tls:
        return
    if not insecure:
        raise PreconditionError(
            f"{address} can be reached from other machines, and nothing here asks who they are",
            hint="say --tls-cert, --tls-key and --tls-client-ca, listen on "
            f"127.0.0.1:{address.port}, or say --insecure",
        )
    _log.warning("%s is open to everybody who can reach it", address)


def listen(
    server: aio.Server, address: Address, credentials: ServerCredentials | None = None
) -> Address:
    """Make *server* listen; return the address with the port that it got.

    A port is served with *credentials* where they are given; the file system guards a socket.
    Raises `PreconditionError` when another process listens there already.
    """
    if address.path is not None:
        with _claimed(address.path):
            _bind(server, address)
            address.path.chmod(0o600)
        return address
    return msgspec.structs.replace(address, port=_bind(server, address, credentials))


def unlisten(address: Address, inode: int) -> None:
    """Remove the socket of *address* if it is still the one with that *inode*."""
    path = address.path
    if path is not None and socket_inode(address) == inode:
        path.unlink(missing_ok=True)


def socket_inode(address: Address) -> int:
    """Return the inode of the socket of *address*; 0 where there is none."""
    try:
        return 0 if address.path is None else address.path.stat().st_ino
    except FileNotFoundError:
        return 0


def _bind(
    server: aio.Server, address: Address, credentials: ServerCredentials | None = None
) -> int:
    # The mode of a new socket; it must never be open to others, however briefly. Nothing else can
    # run in between: this is one synchronous call.
    mask = os.umask(0o177)
    try:
        if credentials is not None:
            return server.add_secure_port(address.target, credentials)
        return server.add_insecure_port(address.target)
    except RuntimeError as exc:
        text = f"cannot listen on {address}: {_reason(address)}"
        raise PreconditionError(text, hint="choose another address with --listen") from exc
    finally:
        os.umask(mask)


def _reason(address: Address) -> str:
    """Find out what gRPC keeps to itself, by trying the same."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        socket.create_server((address.host, address.port), family=family).close()
    except OSError as exc:
        return exc.strerror or str(exc)
    return "gRPC refuses it"


@contextmanager
def _claimed(path: Path) -> Iterator[None]:
    """Hold the socket's directory while the block binds: two daemons that start take turns."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as exc:
        raise _unusable(path.parent, exc) from exc
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        _remove_stale(path)
        yield
    finally:
        os.close(directory)


def _unusable(directory: Path, error: OSError) -> DeniedError | PreconditionError:
    hint = "choose another address with --listen"
    if isinstance(error, PermissionError):
        return DeniedError(f"cannot use {directory}: {error.strerror}", hint=hint)
    cause = "not a directory" if isinstance(error, FileExistsError) else error.strerror
    return PreconditionError(f"cannot use {directory}: {cause}", hint=hint)


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise PreconditionError(f"{path} is there, and is not a socket", hint=f"ls -l {path}")
    if _answers(path):
        raise PreconditionError(
            f"another process listens on {path} already",
            hint="stop that daemon first, or choose another socket with --socket",
        )
    _log.info("replacing the socket that an earlier daemon left at %s", path)
    path.unlink()


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_S)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:  # a full backlog, another user's socket: somebody is there
            return True
        return True
