"""Logins at Amazon's registries, by the AWS SDK and the identity that it finds on the host.

boto3 is loaded when an image of such a registry is first pulled, and not before.
"""

from __future__ import annotations

import asyncio
import base64
import re
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from argoexec_cli.errors import PreconditionError
from argoexec_cli.runtime.base import Credentials

# Source: the kubelet's ecr-credential-provider (kubernetes/cloud-provider-aws).
_HOST: Final = re.compile(
    r"\d{12}\.dkr[.-]ecr(-fips)?\.([a-zA-Z0-9][a-zA-Z0-9_-]*)\.(amazonaws\.com(\.cn)?"
    r"|on\.(aws|amazonwebservices\.com\.cn)|sc2s\.sgov\.gov|c2s\.ic\.gov|cloud\.adc-e\.uk"
    r"|csp\.hci\.ic\.gov)"
)
_RENEW_BEFORE_S: Final = 600.0
"""A token lives twelve hours. One that is about to end could do so during a pull."""


class _Token(NamedTuple):
    credentials: Credentials
    expires: float


class Ecr:
    """Gets a region's token once and keeps it, in memory, until it is about to expire."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Ask nobody yet."""
        self._clock = clock
        self._tokens: dict[tuple[str, bool], _Token] = {}
        self._locks: dict[tuple[str, bool], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def login(self, registry: str) -> Credentials | None:
        """Return the login at *registry*; None when it is not one of Amazon's.

        `PreconditionError` when AWS gives none.
        """
        match = _HOST.fullmatch(registry)
        if match is None:
            return None
        key = (match[2], bool(match[1]))
        async with self._locks[key]:
            token = self._tokens.get(key)
            if token is None or token.expires - _RENEW_BEFORE_S <= self._clock():
                token = self._tokens[key] = await asyncio.to_thread(_fetch, *key)
        return token.credentials


def _fetch(region: str, fips: bool) -> _Token:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    config = Config(
        connect_timeout=5, read_timeout=10, retries={"max_attempts": 2}, use_fips_endpoint=fips
    )
    try:
        # A session of its own: an identity that the host was given meanwhile is found.
        client: Any = boto3.Session().client("ecr", region_name=region, config=config)
        (data,) = client.get_authorization_token()["authorizationData"]
    except (BotoCoreError, ClientError) as exc:
        raise PreconditionError(
            f"AWS gives no login for its registry in {region}: {_cause(exc)}",
            hint="give the daemon an AWS identity that may call ecr:GetAuthorizationToken",
        ) from exc
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    return _Token(Credentials(username=user, password=password), data["expiresAt"].timestamp())


def _cause(exc: Exception) -> str:
    """Return a cause in one line; of a refusal only its code, as its text may name an identity."""
    code = getattr(exc, "response", {}).get("Error", {}).get("Code")
    return str(code or " ".join(str(exc).split()))
