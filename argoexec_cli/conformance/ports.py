"""Ports of this machine for cases that take one: whatever else runs at the same time has others."""

from __future__ import annotations

import random
import socket
from typing import Any, Final

from msgspec import structs

from argoexec_cli.conformance.case import Case

_RANGE: Final = range(20_000, 30_000)
"""The kernel lends none of them to clients: those begin at 32,768."""


def with_free_ports(case: Case) -> Case:
    """Return the case with ports of the host that are free, in its pod and in its steps."""
    chosen: dict[int, int] = {}

    def replaced(value: Any) -> Any:
        if isinstance(value, list):
            return [replaced(one) for one in value]
        if not isinstance(value, dict):
            return value
        inner = {key: replaced(one) for key, one in value.items()}
        if "hostPort" in inner:
            inner["hostPort"] = chosen.setdefault(inner["hostPort"], unused_port())
        return inner

    pod = replaced(case.pod)
    steps = [structs.replace(step, port=chosen.get(step.port, step.port)) for step in case.steps]
    return structs.replace(case, pod=pod, steps=tuple(steps))


def unused_port() -> int:
    """Return a port on which nobody listens, and which no client is given for its end."""
    for port in random.sample(_RANGE, 100):
        if is_free(port):
            return port
    raise AssertionError("no port is free")


def is_free(port: int) -> bool:
    """Tell whether one may listen on the port."""
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False
