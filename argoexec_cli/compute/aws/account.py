"""The way to AWS: one account, one region, boto3 behind it and our errors in front."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from argoexec_cli.compute.refusals import Diagnostic, to_error
from argoexec_cli.config.settings import Settings
from argoexec_cli.errors import InvalidError, UnavailableError

_CONNECT_S: Final = 5
_READ_S: Final = 30
_ATTEMPTS: Final = 3
_REGION_HINT: Final = "give --region, or set AWS_REGION"


class Account:
    """AWS as the credentials see it, in one region. Calls may overlap.

    boto3 finds the credentials as every AWS tool does; nothing of them is kept here. A cancelled
    call leaves its request running in a thread until AWS answers or the timeouts pass. Errors are
    those of `compute.refusals`.
    """

    def __init__(self, session: Any, endpoint_url: str) -> None:
        """Use `open_account`."""
        self.region: str = session.region_name
        self._session = session
        self._endpoint_url = endpoint_url or None
        self._clients: dict[str, Any] = {}

    async def ask(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Make one call, as `ask("ec2", "describe_images", ImageIds=[...])`."""
        return await asyncio.to_thread(self._call, service, operation, parameters)

    async def collect(
        self, service: str, operation: str, key: str, **parameters: Any
    ) -> list[dict[str, Any]]:
        """Return what all pages of an answer have under *key*."""
        return await asyncio.to_thread(self._pages, service, operation, key, parameters)

    def _call(self, service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        with _translated():
            answer: dict[str, Any] = getattr(self._client(service), operation)(**parameters)
            return answer

    def _pages(
        self, service: str, operation: str, key: str, parameters: dict[str, Any]
    ) -> list[dict[str, Any]]:
        with _translated():
            client = self._client(service)
            if not client.can_paginate(operation):
                return list(getattr(client, operation)(**parameters)[key])
            pages = client.get_paginator(operation).paginate(**parameters)
            return [item for page in pages for item in page[key]]

    def _client(self, service: str) -> Any:
        """Return the client, made once. Two threads may both make one: the second wins, which is
        harmless.
        """
        if service not in self._clients:
            from botocore.config import Config

            config = Config(
                connect_timeout=_CONNECT_S,
                read_timeout=_READ_S,
                retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            )
            self._clients[service] = self._session.client(
                service, endpoint_url=self._endpoint_url, config=config
            )
        return self._clients[service]


async def open_account(settings: Settings, region: str = "") -> Account:
    """Find out profile and region; asks AWS nothing yet.

    *region* is what a flag said, before AWS_REGION and the profile's own. Raises `InvalidError`
    when nothing names one, `UnauthenticatedError` when the profile does not exist.
    """
    return await asyncio.to_thread(_open, settings, region)


def _open(settings: Settings, region: str) -> Account:
    import boto3

    with _translated():
        session = boto3.Session(
            profile_name=settings.aws_profile.value or None,
            region_name=region or settings.aws_region.value or None,
        )
    if not session.region_name:
        raise InvalidError("no AWS region is set", hint=_REGION_HINT)
    if session.region_name not in session.get_available_regions("ec2") and _strange(session):
        raise InvalidError(
            f"{session.region_name!r} is not an AWS region",
            hint=f"one is written as eu-west-1 is; {_REGION_HINT}",
        )
    return Account(session, settings.aws_endpoint_url.value)


def _strange(session: Any) -> bool:
    """Whether no partition could have the region, however new it is."""
    from botocore.exceptions import UnknownRegionError

    try:
        session.get_partition_for_region(session.region_name)
    except UnknownRegionError:
        return True
    return False


class _translated:
    """Raises ours in place of botocore's errors."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        if isinstance(error, ClientError):
            told = error.response.get("Error", {})
            diagnostic = Diagnostic("error", told.get("Code", ""), told.get("Message", ""))
            raise to_error([diagnostic], speaker="AWS") from error
        if isinstance(error, BotoCoreError):
            raise to_error([Diagnostic("error", str(error))], speaker="AWS") from error
        if isinstance(error, ResponseParserError):
            raise UnavailableError(
                "what answers in AWS's place is not AWS",
                hint="check AWS_ENDPOINT_URL and the proxy",
            ) from error
