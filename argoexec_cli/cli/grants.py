"""What `serve` lets pods have beyond the usual: flags, on top of what the config file says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, NamedTuple

from argoexec_cli.cli.declare import Option
from argoexec_cli.errors import InvalidError

if TYPE_CHECKING:
    from argoexec_cli.config.settings import Allow
    from argoexec_cli.executors.local.policy import Policy


class Grants(NamedTuple):
    """Nothing is granted unless it is said."""

    allow_privileged: Annotated[
        bool, Option("--allow-privileged", help="Pods may be privileged.")
    ] = False
    allow_host_network: Annotated[
        bool, Option("--allow-host-network", help="Pods may use the host's network.")
    ] = False
    allow_host_path: Annotated[
        list[str] | None,
        Option(metavar="DIR", help="Pods may mount this directory and what is below it."),
    ] = None
    allow_capability: Annotated[
        list[str] | None,
        Option(metavar="NAME", help="Pods may add this capability, such as SYS_PTRACE."),
    ] = None
    allow_image: Annotated[
        list[str] | None,
        Option(metavar="PATTERN", help="Only images like this, 'registry.lab/*'; default: all."),
    ] = None


def policy_of(grants: Grants, file: Allow) -> Policy:
    """Return what flags and config file grant together. `InvalidError` for a path or a name that
    cannot be granted.
    """
    from argoexec_cli.executors.local.policy import Policy, capability

    names = (*(grants.allow_capability or ()), *file.capabilities)
    return Policy(
        privileged=grants.allow_privileged or file.privileged,
        host_network=grants.allow_host_network or file.host_network,
        host_paths=tuple(map(_path, (*(grants.allow_host_path or ()), *file.host_paths))),
        capabilities=frozenset(map(capability, _named(names))),
        images=(*(grants.allow_image or ()), *file.images),
    )


def _path(text: str) -> str:
    path = PurePosixPath(text)
    if not path.is_absolute() or ".." in path.parts:
        raise InvalidError(
            f"{text!r} is not an absolute path without '..'", hint="--allow-host-path /srv/data"
        )
    return str(path)


def _named(names: Sequence[str]) -> Sequence[str]:
    for name in names:
        if not name.replace("_", "").isalpha():
            raise InvalidError(
                f"{name!r} is not the name of a capability", hint="--allow-capability SYS_PTRACE"
            )
    return names
