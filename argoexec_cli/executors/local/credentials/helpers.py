"""Docker's credential helpers: `docker-credential-NAME get`, the registry on stdin, JSON on stdout.

Source: github.com/docker/docker-credential-helpers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from argoexec_cli.errors import InvalidError, PreconditionError
from argoexec_cli.proc import Child, run
from argoexec_cli.runtime.base import Credentials

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LIMIT_S: Final = 30.0
_NOT_FOUND: Final = b"credentials not found"
_TOKEN_USER: Final = "<token>"  # noqa: S105 - the helpers' word for "what follows is a token"


class _Answer(msgspec.Struct, rename="pascal"):
    username: str = ""
    secret: str = ""


async def ask_helper(name: str, registry: str, env: Mapping[str, str]) -> Credentials | None:
    """Return what the helper *name* knows of *registry*; None when it knows nothing.

    Errors never have a word of its output in them: `PreconditionError` when it cannot be run,
    `TimedOutError`, `InvalidError` for an answer that is none.
    """
    program = f"docker-credential-{name}"
    if not _NAME.fullmatch(name):
        raise InvalidError(f"{name!r} is no name of a credential helper", hint="see config.json")
    child = Child((program, "get"), _LIMIT_S, env=env, stdin=registry.encode())
    try:
        finished = await run(child)
    except PreconditionError as exc:
        raise PreconditionError(
            exc.message, hint=f"install {program} where the daemon's PATH has it"
        ) from exc
    if finished.exit_code:
        if _NOT_FOUND in finished.stdout:
            return None
        raise PreconditionError(
            f"{program} failed for {registry} (exit code {finished.exit_code})",
            hint=f"echo {registry} | {program} get",
        )
    return _read(finished.stdout, program)


def _read(data: bytes, program: str) -> Credentials | None:
    try:
        answer = msgspec.json.decode(data, type=_Answer)
    except msgspec.DecodeError:
        raise InvalidError(f"{program} gave no answer that can be read") from None
    if answer.username == _TOKEN_USER:
        return Credentials(username="", password="", identity_token=answer.secret)
    return Credentials(username=answer.username, password=answer.secret) if answer.secret else None
