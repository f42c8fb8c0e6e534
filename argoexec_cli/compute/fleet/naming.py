"""Errors of Ansible's, which knows hosts by their keys, in the names that all else has for them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from argoexec_cli.compute.fleet.record import Host
from argoexec_cli.errors import ArgoexecError


def in_names(error: BaseException, hosts: Iterable[Host]) -> BaseException:
    """Return *error*, where it is one of ours about *hosts* speaking of them by name, and in its
    hint by address. What a host itself said stays as it is.
    """
    if isinstance(error, ArgoexecError):
        for host in hosts:
            key = re.escape(host.key)
            subject = rf"(^|more: |, ){key}(?=[:,)])"
            error.message = re.sub(subject, rf"\g<1>{host.name}", error.message)
            error.hint = re.sub(rf"(?<![\w.-]){key}(?![\w.-])", host.address, error.hint)
        error.args = (error.message,)
    return error
