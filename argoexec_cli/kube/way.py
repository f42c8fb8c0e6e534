"""What a kubeconfig says that lightkube does not read: which name the server's certificate has,
through which proxy it is reached, and as whom to act.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from argoexec_cli.errors import InvalidError, UnsupportedError

_PROXIES: Final = ("http", "https")
_ACTING_AS: Final = ("as", "as-uid", "as-groups", "as-user-extra")


class Way(NamedTuple):
    """How the server is reached; empty fields are the usual."""

    server_name: str = ""
    proxy: str = ""


def read_way(config: Mapping[str, Any], context: str) -> Way:
    """Return the way to the cluster of *context*, which is known to be in *config*.

    `UnsupportedError` for a proxy that is not HTTP, and for a user who acts as another one: without
    that the requests would be somebody else's.
    """
    inside = _named(config, "contexts", "context", context)
    cluster = _named(config, "clusters", "cluster", inside["cluster"])
    user = _named(config, "users", "user", inside.get("user"))
    for key in _ACTING_AS:
        if user.get(key):
            raise UnsupportedError(
                f"context {context}: the user acts as another one ({key}), which is not supported",
                hint="use a context that logs in as who is meant: kubectl config get-contexts",
            )
    return Way(str(cluster.get("tls-server-name") or ""), _proxy(cluster, context))


def _proxy(cluster: Mapping[str, Any], context: str) -> str:
    proxy = str(cluster.get("proxy-url") or "")
    if not proxy:
        return ""
    scheme = urlsplit(proxy).scheme
    if scheme == "socks5":
        raise UnsupportedError(
            f"context {context}: proxy-url is a SOCKS proxy, and only HTTP proxies are supported",
            hint="forward a port through it, and use a context without proxy-url",
        )
    if scheme not in _PROXIES:
        raise InvalidError(f"context {context}: proxy-url {proxy!r} is no http:// address")
    return proxy


def _named(config: Mapping[str, Any], kind: str, inner: str, name: object) -> Mapping[str, Any]:
    for each in config.get(kind) or []:
        if each.get("name") == name:
            return each.get(inner) or {}
    return {}
