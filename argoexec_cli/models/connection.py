"""How a server is reached: its address, the files that prove who is who, and a way through SSH.

Contexts of the config file and entries of the executor registry say it in the same words. They hold
paths, never keys.
"""

from typing import Literal

from argoexec_cli.models.base import Model


class Tls(Model, kw_only=True):
    """A client's side of TLS: paths of PEM files.

    Without `ca` the system's authorities are trusted. `server_name` is the name that the server's
    certificate must have where it is not the host of the address.
    """

    ca: str = ""
    cert: str = ""
    key: str = ""
    server_name: str = ""


class ServerTls(Model, kw_only=True):
    """A daemon's side of TLS: paths of PEM files. Clients are known by what `client_ca` signed."""

    cert: str
    key: str
    client_ca: str


class Ssh(Model, kw_only=True):
    """Who carries the connection. What is empty is left to the user's own SSH configuration.

    With `known_hosts_file` that file alone says which host keys are right.
    """

    host: str
    user: str = ""
    port: int = 0
    identity_file: str = ""
    known_hosts_file: str = ""


class Endpoint(Model, kw_only=True):
    """A server and the way to it. Behind SSH, `server` is the address as that host sees it."""

    server: str
    tls: Tls | None = None
    via: Literal["", "ssh"] = ""
    ssh: Ssh | None = None
