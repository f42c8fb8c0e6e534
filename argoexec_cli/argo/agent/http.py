"""Serves `http:` templates: Argo's own agents, which did, are not there any more."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from argoexec_cli.argo.agent.httpcall import (
    HttpCall,
    Reply,
    SecretRef,
    judge,
    read_call,
    secret_value,
)
from argoexec_cli.argo.agent.ledger import Entry
from argoexec_cli.argo.agent.running import Ended, OnAccepted
from argoexec_cli.argo.translate.durations import parse_seconds
from argoexec_cli.argo.translate.result import NodeResult, failed, timed_out
from argoexec_cli.errors import ArgoexecError, InvalidError, NotFoundError
from argoexec_cli.kube.base import Kube
from argoexec_cli.kube.resources import SECRETS

if TYPE_CHECKING:
    from aiohttp import ClientSession

BODY_LIMIT: Final = 8 << 20
_CONNECT_S: Final = 30.0
_REDIRECTS: Final = 10
_NOT_AGAIN: Final = (
    "the agent was restarted while this request was under way; "
    "it may have had its effect, so it is not sent again"
)
Headers = list[tuple[str, str]]


class Http:
    """Sends the requests of `http:` templates. Implements `working.Runner`."""

    def __init__(self, kube: Kube) -> None:
        """Read Secrets for headers from *kube*."""
        self._kube = kube

    async def run(self, entry: Entry, on_accepted: OnAccepted) -> Ended:
        """See `Runner.run`. A request that may have had an effect is never sent twice."""
        limit_s = None
        try:
            call = read_call(entry.template["http"])
            limit_s = _limit(entry)
            if entry.accepted and not call.safe:
                return Ended(failed(_NOT_AGAIN))
            headers = await self._headers(call, entry.namespace)
            await on_accepted()
            left = None if limit_s is None else max(0.0, entry.started + limit_s - time.time())
            async with asyncio.timeout(left):
                return Ended(await _send(call, headers))
        except TimeoutError:
            return Ended(timed_out({}, limit_s or 0.0))
        except ArgoexecError as exc:
            return Ended(failed(exc.message))

    async def withdraw(self, entry: Entry) -> None:
        """See `Runner.withdraw`: cancelling `run` has closed the connection."""

    async def _headers(self, call: HttpCall, namespace: str) -> Headers:
        found: Headers = []
        for name, value in call.headers:
            text = value
            if isinstance(value, SecretRef):
                text = await self._secret(value, namespace) or ""
                if not text and value.optional:
                    continue
            found.append((name, str(text)))
        return found

    async def _secret(self, ref: SecretRef, namespace: str) -> str | None:
        try:
            return secret_value(await self._kube.get(SECRETS, ref.name, namespace), ref)
        except NotFoundError:
            if ref.optional:
                return None
            raise


async def _send(call: HttpCall, headers: Headers) -> NodeResult:
    from aiohttp import ClientError

    try:
        reply = await _exchange(call, headers)
    except (ClientError, ValueError) as exc:
        return failed(f"{call.method} {call.url}: {exc}"[:1000], phase="Failed")
    except TimeoutError:
        return timed_out({}, call.timeout_s or 0.0)
    except OSError as exc:
        return failed(f"{call.method} {call.url}: {exc}"[:1000], phase="Failed")
    except InvalidError as exc:
        return failed(exc.message, phase="Failed")
    return await judge(call, headers, reply)


async def _exchange(call: HttpCall, headers: Headers) -> Reply:
    from aiohttp import ClientSession, ClientTimeout

    timeout = ClientTimeout(total=call.timeout_s, connect=_CONNECT_S)
    # Go's client, which Argo uses, looks for a proxy unless it is told not to verify.
    async with ClientSession(trust_env=call.verify, timeout=timeout) as http:
        return await _reply(http, call, headers)


async def _reply(http: ClientSession, call: HttpCall, headers: Headers) -> Reply:
    from multidict import CIMultiDict

    async with http.request(
        call.method,
        call.url,
        headers=CIMultiDict(headers),
        data=call.body or None,
        ssl=call.verify,
        max_redirects=_REDIRECTS,
    ) as reply:
        body = b""
        async for piece in reply.content.iter_chunked(1 << 16):
            body += piece
            if len(body) > BODY_LIMIT:
                raise InvalidError(f"the response body is larger than {BODY_LIMIT} bytes")
        return Reply(reply.status, tuple(reply.headers.items()), body)


def _limit(entry: Entry) -> float | None:
    """Return the template's own limit: `timeout` and `activeDeadlineSeconds`, the lower one."""
    limits = [
        parse_seconds(entry.template[name], name)
        for name in ("timeout", "activeDeadlineSeconds")
        if entry.template.get(name) not in (None, "")
    ]
    return min(limits, default=None)
