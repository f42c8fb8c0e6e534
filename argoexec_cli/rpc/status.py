"""Errors on the wire: one table between the classes of `argoexec_cli.errors` and gRPC's codes.

The code alone tells any client what kind of error it is. Our own client gets the very class back,
with hint and field path: they travel as JSON in the trailing metadata, under `DETAILS_KEY`.
"""

from __future__ import annotations

from typing import Any, Final

import grpc
import msgspec

from argoexec_cli import errors
from argoexec_cli.errors import (
    ArgoexecError,
    InternalError,
    InvalidError,
    UnavailableError,
    UnsupportedError,
)
from argoexec_cli.models.base import FieldError, UnknownFieldError
from argoexec_cli.rpc.address import start_hint

DETAILS_KEY: Final = "argoexec-error-bin"
VERSION_HINT: Final = "compare the versions on both sides: argoexec version"

# A receiver may refuse more than 8 KiB of metadata; text outside ASCII travels three times as long.
_TEXT_LIMIT: Final = 2_000


_CLASSES: Final[dict[str, type[ArgoexecError]]] = {
    name: found
    for name, found in vars(errors).items()
    if isinstance(found, type) and issubclass(found, ArgoexecError)
}
"""Every class of the tree by its name."""

CODES: Final = {cls: grpc.StatusCode[cls.code] for cls in _CLASSES.values()}
"""The status code of every class of the tree."""

_BY_CODE: Final[dict[grpc.StatusCode, type[ArgoexecError]]] = {
    # The first class with a code stands for it: the base comes before what refines it.
    **{code: cls for cls, code in reversed(CODES.items())},
    # Nobody of ours sends these; a proxy, a library or a foreign server may.
    grpc.StatusCode.UNKNOWN: InternalError,
    # Whoever cancels a call on this side gets asyncio's CancelledError: the server ended it, as one
    # that stops may do.
    grpc.StatusCode.CANCELLED: UnavailableError,
    grpc.StatusCode.OUT_OF_RANGE: InvalidError,
}


def to_status(error: ArgoexecError) -> tuple[grpc.StatusCode, str, tuple[tuple[str, bytes], ...]]:
    """Return the code, the message and the trailing metadata that carry *error*.

    A class from outside the tree travels as the nearest one that the tree has. Very long texts are
    cut.
    """
    details: dict[str, str] = {"class": _travelling_name(error), "hint": _cut(error.hint)}
    if isinstance(error, FieldError):
        details["path"] = _cut(error.path)
    code = CODES[_CLASSES[_nearest(error)]]
    return code, _cut(error.message), ((DETAILS_KEY, msgspec.json.encode(details)),)


def from_status(error: grpc.aio.AioRpcError, address: str) -> ArgoexecError:
    """Rebuild the error that a server at *address* sent, or put gRPC's own report in our terms."""
    text = error.details() or ""
    details = _details(error)
    if details is None:
        return _foreign(error.code(), text, address)
    name, hint, path = details.get("class", ""), details.get("hint", ""), details.get("path")
    if path is not None and name == UnknownFieldError.__name__:
        return UnknownFieldError(path, hint=hint)
    if path is not None:
        return FieldError(path, text.removeprefix(f"{path}: "), hint=hint)
    return _CLASSES.get(name, _BY_CODE[error.code()])(text, hint=hint)


def _nearest(error: ArgoexecError) -> str:
    return next(cls.__name__ for cls in type(error).__mro__ if _CLASSES.get(cls.__name__) is cls)


def _travelling_name(error: ArgoexecError) -> str:
    if isinstance(error, UnknownFieldError):
        return UnknownFieldError.__name__
    return _nearest(error)


def _cut(text: str) -> str:
    data = text.encode(errors="replace")
    return text if len(data) <= _TEXT_LIMIT else data[:_TEXT_LIMIT].decode(errors="ignore") + "…"


def _details(error: grpc.aio.AioRpcError) -> dict[str, str] | None:
    metadata: Any = error.trailing_metadata() or ()
    for key, value in metadata:
        if key == DETAILS_KEY:
            try:
                found = msgspec.json.decode(value)
            except msgspec.DecodeError:
                return None
            return (
                {key: str(text) for key, text in found.items()} if isinstance(found, dict) else None
            )
    return None


def _foreign(code: grpc.StatusCode, text: str, address: str) -> ArgoexecError:
    if code is grpc.StatusCode.UNAVAILABLE:
        problem = f"no daemon answers at {address} ({_cause(text)})"
        return UnavailableError(problem, hint=start_hint(address))
    if code is grpc.StatusCode.CANCELLED:
        problem = f"the daemon at {address} ended the call"
        return UnavailableError(problem, hint=start_hint(address))
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return UnsupportedError(
            f"the server at {address} does not offer this: {text}", hint=VERSION_HINT
        )
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in text:
        return InvalidError(
            f"too large to send: {text}", hint="split the manifest into smaller ones"
        )
    return _BY_CODE[code](text or f"the server at {address} answered {code.name}")


def _cause(text: str) -> str:
    """Take the operating system's words out of gRPC's long ones."""
    return text.rsplit(": ", 1)[-1] if "failed to connect" in text else text or "connection lost"
