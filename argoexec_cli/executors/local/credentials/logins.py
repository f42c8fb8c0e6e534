"""Logins as Docker writes them down: in a file, or in a Secret of a pod."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from argoexec_cli.errors import InvalidError
from argoexec_cli.executors.local.credentials.names import is_for, registry_key, repository_of
from argoexec_cli.models.config import Secret
from argoexec_cli.runtime.base import Credentials

_WHOLE_FILE: Final = ".dockerconfigjson"
_AUTHS_ONLY: Final = ".dockercfg"


class Login(NamedTuple):
    """Who we are at one registry, or at a part of it; `source` says where that is written."""

    registry: str
    credentials: Credentials
    source: str


class DockerConfig(NamedTuple):
    """Docker's configuration, as far as it is about logins: those that are in it, the helpers of
    single registries, and the helper of all others.
    """

    logins: tuple[Login, ...] = ()
    helpers: Mapping[str, str] = MappingProxyType({})
    store: str = ""


class _Auth(msgspec.Struct):
    auth: str | None = None
    username: str | None = None
    password: str | None = None
    identitytoken: str | None = None


class _File(msgspec.Struct, rename="camel"):
    auths: dict[str, _Auth] | None = None
    cred_helpers: dict[str, str] | None = None
    creds_store: str | None = None


def parse_config(data: bytes, source: str) -> DockerConfig:
    """Read a config.json. `InvalidError`, without a word of its content, when it is none."""
    try:
        file = msgspec.json.decode(data, type=_File)
        logins = tuple(_logins(file.auths or {}, source))
    except (msgspec.DecodeError, ValueError):
        raise _unreadable(source) from None
    helpers = {registry_key(key): name for key, name in (file.cred_helpers or {}).items()}
    return DockerConfig(logins, helpers, file.creds_store or "")


def logins_of(secret: Secret) -> tuple[Login, ...]:
    """Return the logins in a Secret for pulls of images; none when it is another kind of Secret.

    `InvalidError` when it cannot be understood.
    """
    source, values = f"secret {secret.metadata.name}", secret.values
    if (data := values.get(_WHOLE_FILE)) is not None:
        return parse_config(data, source).logins
    if (data := values.get(_AUTHS_ONLY)) is None:
        return ()
    try:
        return tuple(_logins(msgspec.json.decode(data, type=dict[str, _Auth]), source))
    except (msgspec.DecodeError, ValueError):
        raise _unreadable(source) from None


def matching(logins: Iterable[Login], image: str) -> list[Login]:
    """Return the logins for *image*, the most particular first."""
    repository = repository_of(image)
    found = [login for login in logins if is_for(login.registry, repository)]
    return sorted(found, key=lambda login: (len(login.registry), login.registry), reverse=True)


def _logins(auths: dict[str, _Auth], source: str) -> list[Login]:
    """Leave out entries that say nothing, which Docker writes where a helper has the login."""
    found = [(key, _credentials(auth)) for key, auth in auths.items()]
    return [Login(registry_key(key), one, source) for key, one in found if one is not None]


def _credentials(auth: _Auth) -> Credentials | None:
    user, password = auth.username or "", auth.password or ""
    if auth.auth:
        try:
            decoded = base64.b64decode(auth.auth, validate=True).decode().rstrip("\0")
        except (binascii.Error, UnicodeDecodeError):
            raise ValueError("not base64") from None
        user, colon, password = decoded.partition(":")
        if not colon:
            raise ValueError("no password")
    token = auth.identitytoken or ""
    if not (user or token):
        return None
    return Credentials(username=user, password=password, identity_token=token)


def _unreadable(source: str) -> InvalidError:
    return InvalidError(
        f"{source} is no configuration of Docker's",
        hint="kubectl create secret docker-registry makes one",
    )
