"""From what Ansible says of a host's failure to an error with a hint."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from argoexec_cli.compute.ansible.run import Failure, Outcome
from argoexec_cli.errors import (
    ArgoexecError,
    DeniedError,
    PreconditionError,
    UnauthenticatedError,
    UnavailableError,
)

_LENGTH: Final = 400


class _Known(NamedTuple):
    pattern: re.Pattern[str]
    error: type[ArgoexecError]
    text: str
    hint: str


def _known(pattern: str, error: type[ArgoexecError], text: str, hint: str) -> _Known:
    return _Known(re.compile(pattern, re.IGNORECASE), error, text, hint)


_LOCKED_OUT: Final = _known(
    r"^keep the firewall|argoexec-firewall-undo",
    PreconditionError,
    "the firewall would lock this machine out, so the host takes the rules back",
    "name this machine's own network among those of the clients",
)
_UNREACHABLE: Final = (
    _LOCKED_OUT,
    _known(
        r"identification has changed|host key verification failed|host key is known",
        UnauthenticatedError,
        "its SSH host key is not the one that is known",
        "if it was rebuilt on purpose: ssh-keygen -R {host} -f KNOWN_HOSTS, then again",
    ),
    _known(
        r"permission denied|too many authentication failures",
        DeniedError,
        "it refuses the SSH login",
        "check user and key: ssh -i KEY USER@{host}",
    ),
    _known(r"", UnavailableError, "it does not answer over SSH", "ssh USER@{host}"),
)
_FAILED: Final = (
    _known(
        r"password is required|missing sudo password|sudoers|a terminal is required",
        DeniedError,
        "the login may not become root without a password",
        "let it: echo 'USER ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/90-argoexec",
    ),
    _known(
        r"failed to update apt cache|failed to fetch|unable to fetch|temporary failure resolving|"
        r"could not resolve|failed to download (metadata|packages)|cannot download repomd|"
        r"no package matching|unable to locate package|failed to synchronize cache",
        UnavailableError,
        "its package mirror does not deliver",
        "on the host: apt-get update, or: dnf makecache; then run this again",
    ),
    _known(
        r"could not get lock|unable to acquire the dpkg|dpkg frontend lock|waiting for process",
        UnavailableError,
        "another program is installing packages there",
        "wait until it has ended (cloud-init, unattended-upgrades), then run this again",
    ),
    _known(
        r"no matching distribution found|could not find a version|newconnectionerror|"
        r"max retries exceeded|connection to \S+ timed out|read timed out",
        UnavailableError,
        "its Python package index does not deliver",
        "bring the packages along: argoexec provision … --offline",
    ),
    _LOCKED_OUT,
    _known(
        r"no space left on device",
        PreconditionError,
        "its disk is full",
        "on the host: df -h",
    ),
)


def failure_of(outcome: Outcome, addresses: Mapping[str, str]) -> ArgoexecError:
    """Return the error for a run that failed: the first host's, with the names of the others.

    *addresses* are those of hosts by name, for a person who tries it by hand.
    """
    if not outcome.failures:
        text = outcome.words[-_LENGTH:] or f"it ended with {outcome.status}"
        return PreconditionError(f"Ansible could not start: {text}", hint="argoexec doctor")
    first, *others = outcome.failures
    error = host_failure(first, addresses.get(first.host, first.host))
    if others:
        names = ", ".join(failure.host for failure in others)
        error.message += f" (and {len(others)} more: {names})"
        error.args = (error.message,)
    return error


def host_failure(failure: Failure, address: str) -> ArgoexecError:
    """Return the error for one host."""
    table = _FAILED if failure.reached else _UNREACHABLE
    text = _shortened(failure.message)
    for known in table:
        if known.pattern.search(f"{failure.task}: {failure.message}"):
            message = f"{failure.host}: {known.text} ({failure.task or 'connecting'}: {text})"
            return known.error(message, hint=known.hint.replace("{host}", address))
    return PreconditionError(
        f"{failure.host}: {failure.task}: {text}",
        hint="run the same command again: it goes on from where the host is",
    )


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LENGTH else f"{text[:_LENGTH]}…"
