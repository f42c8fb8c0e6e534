"""Namespaces without a process in them: made by a thread that ends, kept by a mount.

It is what `ip netns add` does, without a program.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from argoexec_cli.errors import ArgoexecError, PreconditionError, UnavailableError
from argoexec_cli.runtime.containerd.rootfs import mount, unmount

_libc: Final = ctypes.CDLL(None, use_errno=True)
_NEWNET: Final = 0x40000000
_NEWIPC: Final = 0x08000000
_GET_FLAGS: Final = 0x8913
_SET_FLAGS: Final = 0x8914
_UP: Final = 0x1
_INTERFACE: Final = struct.Struct("16sH22x")
# A container's user may use any port and ping, whoever it is: the network is the pod's own.
_SETTINGS: Final = {"ip_unprivileged_port_start": "0", "ping_group_range": "0 2147483647"}


def make_network_namespace(pin: Path) -> None:
    """Make a network namespace with only `lo` in it, which is up, and keep it at *pin*.

    `PreconditionError` when we may not.
    """
    _in_thread(lambda: _make(_NEWNET, "net", pin, _prepare_network))


def make_ipc_namespace(pin: Path) -> None:
    """Make a namespace of System V IPC and POSIX queues, and keep it at *pin*.

    `PreconditionError` when we may not.
    """
    _in_thread(lambda: _make(_NEWIPC, "ipc", pin, lambda: None))


def is_kept(pin: Path) -> bool:
    """Tell whether there is a namespace at *pin*: after a boot only an empty file is left."""
    try:
        return pin.stat().st_dev != pin.parent.stat().st_dev
    except FileNotFoundError:
        return False


def let_go(pin: Path) -> None:
    """Stop keeping the namespace at *pin*. Repeatable."""
    unmount(pin)
    pin.unlink(missing_ok=True)


def _make(flag: int, name: str, pin: Path, prepare: Callable[[], None]) -> None:
    if _libc.unshare(flag):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    prepare()
    pin.touch(mode=0o444)
    mount(f"/proc/self/task/{threading.get_native_id()}/ns/{name}", pin, "none", ("bind",))


def _prepare_network() -> None:
    for name, value in _SETTINGS.items():
        path = Path(f"/proc/sys/net/ipv4/{name}")
        if path.exists():
            path.write_text(value)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        answer = fcntl.ioctl(any_socket, _GET_FLAGS, _INTERFACE.pack(b"lo", 0))
        _, flags = _INTERFACE.unpack(answer)
        fcntl.ioctl(any_socket, _SET_FLAGS, _INTERFACE.pack(b"lo", flags | _UP))


def _in_thread(work: Callable[[], None]) -> None:
    """Do *work* in a thread of its own: no other code may ever run in one that has changed."""
    faults: list[OSError] = []

    def catch() -> None:
        try:
            work()
        except OSError as exc:
            faults.append(exc)

    thread = threading.Thread(target=catch, name="namespace")
    thread.start()
    thread.join()
    for fault in faults:
        raise _translate(fault) from fault


def _translate(fault: OSError) -> ArgoexecError:
    problem = f"cannot make a namespace: {fault}"
    if isinstance(fault, PermissionError):
        return PreconditionError(problem, hint="run the daemon as root")
    return UnavailableError(problem, hint="argoexec doctor")
