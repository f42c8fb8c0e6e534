"""Which server is meant, of all those that flags, the environment and the config file name."""

from __future__ import annotations

from typing import Final

import msgspec

from argoexec_cli.config.settings import ConfigFile, Context, Setting
from argoexec_cli.errors import InvalidError
from argoexec_cli.models.connection import Endpoint, Tls

LOCAL: Final = "the local socket"
"""The origin of the server's address when nothing names one."""


class Choice(msgspec.Struct, frozen=True):
    """What the command line, or the environment, says about the server; empty: nothing."""

    server: str = ""
    context: str = ""
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""

    @property
    def tls(self) -> Tls | None:
        """The files that were named, if any was."""
        if not (self.tls_ca or self.tls_cert or self.tls_key):
            return None
        return Tls(ca=self.tls_ca, cert=self.tls_cert, key=self.tls_key)


def choose_server(
    flags: Choice, variables: Choice, file: ConfigFile, path: str, socket: str
) -> tuple[Setting, Endpoint]:
    """Return the server's address with its origin, and the way to it.

    `--server` > `--context` > ARGOEXEC_SERVER > current context > *socket*. As with kubectl,
    `--server` beside `--context` changes only the address, and flags for TLS only the files that
    they name. Variables for TLS belong to an address that no context gives. `InvalidError` for a
    context that the file at *path* lacks.
    """
    setting, endpoint = _chosen(flags, variables, file, path, socket)
    return setting, _with_tls(endpoint, flags.tls)


def _chosen(
    flags: Choice, variables: Choice, file: ConfigFile, path: str, socket: str
) -> tuple[Setting, Endpoint]:
    if flags.context:
        context = _find(file, flags.context, f"--context: {path} has no context")
        found = context.endpoint
        origin = f"context {context.name} in {path}"
        if flags.server:
            found = Endpoint(server=flags.server, tls=found.tls, via=found.via, ssh=found.ssh)
            origin = "--server"
        return Setting(value=found.server, origin=origin), found
    for value, origin in ((flags.server, "--server"), (variables.server, "ARGOEXEC_SERVER")):
        if value:
            return Setting(value=value, origin=origin), Endpoint(server=value, tls=variables.tls)
    if file.current_context:
        problem = f"{path}: current-context: there is no context"
        context = _find(file, file.current_context, problem)
        setting = Setting(value=context.server, origin=f"context {context.name} in {path}")
        return setting, context.endpoint
    local = f"unix://{socket}"
    return Setting(value=local, origin=LOCAL), Endpoint(server=local)


def _find(file: ConfigFile, name: str, problem: str) -> Context:
    for context in file.contexts:
        if context.name == name:
            return context
    known = ", ".join(context.name for context in file.contexts) or "none"
    raise InvalidError(
        f"{problem} {name!r}", hint=f"set it to one of those that the file has: {known}"
    )


def _with_tls(endpoint: Endpoint, flags: Tls | None) -> Endpoint:
    if flags is None:
        return endpoint
    base = endpoint.tls or Tls()
    tls = Tls(
        ca=flags.ca or base.ca,
        cert=flags.cert or base.cert,
        key=flags.key or base.key,
        server_name=base.server_name,
    )
    return Endpoint(server=endpoint.server, tls=tls, via=endpoint.via, ssh=endpoint.ssh)
