"""An `http:` template: what to send, and what the reply means. Pure but for the condition's child.

Source: Argo's HTTP template and how its own agent serves it.
"""

from __future__ import annotations

import base64
import binascii
import sys
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec

from argoexec_cli.argo.expr import ExprError, evaluate, parse
from argoexec_cli.argo.translate.result import NodeResult, cut
from argoexec_cli.errors import ArgoexecError, InvalidError
from argoexec_cli.models.base import FieldError
from argoexec_cli.proc import Child, run

_CHILD_S: Final = 5.0
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class SecretRef(NamedTuple):
    """The key of a Secret in the workflow's namespace."""

    name: str
    key: str
    optional: bool


class HttpCall(NamedTuple):
    """A request. A header's value is its text, or the Secret that has it."""

    method: str
    url: str
    headers: tuple[tuple[str, str | SecretRef], ...]
    body: bytes
    timeout_s: float | None
    verify: bool
    condition: str

    @property
    def safe(self) -> bool:
        """Whether sending it twice does no harm."""
        return self.method in _SAFE


class Reply(NamedTuple):
    """What came back."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def read_call(http: dict[str, Any]) -> HttpCall:
    """Return the request that a template means. `FieldError` with the path of what is wrong."""
    url, method = http.get("url"), http.get("method") or "GET"
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise FieldError("http.url", f"{str(url)[:200]!r} is not an http(s) URL")
    if not isinstance(method, str) or not method.isalpha():
        raise FieldError("http.method", f"{str(method)[:20]!r} is not a method")
    timeout = http.get("timeoutSeconds")
    if timeout is not None and not (str(timeout).isdecimal() and int(timeout) > 0):
        raise FieldError("http.timeoutSeconds", f"{timeout!r} is not a positive number")
    return HttpCall(
        method=method.upper(),
        url=url,
        headers=tuple(_headers(http.get("headers") or [])),
        body=_body(http),
        timeout_s=float(timeout) if timeout else None,
        verify=not http.get("insecureSkipVerify"),
        condition=str(http.get("successCondition") or ""),
    )


async def judge(call: HttpCall, sent: Iterable[tuple[str, str]], reply: Reply) -> NodeResult:
    """Return the node's result: by the condition where there is one, else by the status."""
    text = cut(reply.body.decode("utf-8", "replace"))
    outputs = {"outputs": {"result": text}}
    if not call.condition:
        if 200 <= reply.status < 300:
            return {"phase": "Succeeded", "message": "", **outputs}
        message = f"received non-2xx response code: {reply.status}"
        return {"phase": "Failed", "message": message, **outputs}
    try:
        met = await _holds(call.condition, _variables(call, sent, reply))
    except ArgoexecError as exc:
        hint = f"; {exc.hint}" if exc.hint else ""
        message = f"successCondition '{call.condition}': {exc.message}{hint}"
        return {"phase": "Failed", "message": message, **outputs}
    if met:
        return {"phase": "Succeeded", "message": "", **outputs}
    message = f"successCondition '{call.condition}' evaluated false"
    return {"phase": "Failed", "message": message, **outputs}


def canonical(headers: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return headers as Go has them: `Content-Type`, each with all its values."""
    found: dict[str, list[str]] = {}
    for name, value in headers:
        proper = "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))
        found.setdefault(proper, []).append(value)
    return found


async def _holds(condition: str, variables: dict[str, Any]) -> bool:
    tree = parse(condition)
    value = (
        # A regular expression may take for ever, and must not stop the agent for that time.
        await _in_child(condition, variables)
        if "matches" in condition
        else evaluate(tree, variables)
    )
    if not isinstance(value, bool):
        raise ExprError("is neither true nor false")
    return value


async def _in_child(condition: str, variables: dict[str, Any]) -> Any:
    question = msgspec.json.encode({"condition": condition, "variables": variables})
    argv = [sys.executable, "-m", "argoexec_cli.argo.expr"]
    done = await run(Child(argv, timeout_s=_CHILD_S, stdin=question, grace_s=0.1))
    answer = msgspec.json.decode(done.check().stdout)
    if "error" in answer:
        raise ExprError(answer["error"])
    return answer["value"]


def _variables(call: HttpCall, sent: Iterable[tuple[str, str]], reply: Reply) -> dict[str, Any]:
    return {
        "request": {
            "method": call.method,
            "url": call.url,
            "body": call.body.decode("utf-8", "replace"),
            "bodyBytes": list(call.body) if "bodyBytes" in call.condition else [],
            "headers": canonical(sent),
        },
        "response": {
            "statusCode": reply.status,
            "body": reply.body.decode("utf-8", "replace"),
            "headers": canonical(reply.headers),
        },
    }


def _headers(headers: list[Any]) -> Iterable[tuple[str, str | SecretRef]]:
    for index, header in enumerate(headers):
        at = f"http.headers[{index}]"
        name = header.get("name") if isinstance(header, dict) else None
        if not isinstance(name, str) or not name or any(mark in name for mark in "\r\n: "):
            raise FieldError(f"{at}.name", f"{str(name)[:100]!r} is not a header's name")
        source = (header.get("valueFrom") or {}).get("secretKeyRef")
        if source is None:
            value = str(header.get("value") or "")
            if "\r" in value or "\n" in value:
                raise FieldError(f"{at}.value", "has more than one line")
            yield name, value
        elif not source.get("name") or not source.get("key"):
            raise FieldError(f"{at}.valueFrom.secretKeyRef", "needs a name and a key")
        else:
            yield name, SecretRef(source["name"], source["key"], bool(source.get("optional")))


def _body(http: dict[str, Any]) -> bytes:
    source = http.get("bodyFrom")
    if source is None:
        return str(http.get("body") or "").encode()
    text = source.get("bytes") if isinstance(source, dict) else None
    if not isinstance(text, str):
        raise FieldError("http.bodyFrom.bytes", "is required")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as exc:
        raise FieldError("http.bodyFrom.bytes", "is not base64") from exc


def secret_value(secret: dict[str, Any], ref: SecretRef) -> str | None:
    """Return the value in a Secret; None when an optional one is not there."""
    found = (secret.get("data") or {}).get(ref.key)
    if found is None and ref.optional:
        return None
    if found is None:
        raise InvalidError(f"the Secret {ref.name} has no key {ref.key}")
    try:
        return base64.b64decode(found).decode().strip("\r\n")
    except ValueError as exc:
        raise InvalidError(f"key {ref.key} of the Secret {ref.name} is not text") from exc
