"""Whether there is a Terraform, and one that understands what we ask of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from argoexec_cli import proc
from argoexec_cli.errors import ArgoexecError, PreconditionError

OLDEST: Final = (1, 5)
_INSTALL: Final = "install it: https://developer.hashicorp.com/terraform/install"
_LIMIT_S: Final = 30.0


class _Answer(msgspec.Struct):
    terraform_version: str = ""


async def check_version(argv: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return Terraform's version, from what *argv* prints.

    Raises `PreconditionError` when it is not installed, cannot be run or is older than `OLDEST`.
    """
    try:
        done = await proc.run(proc.Child(argv, _LIMIT_S, env=environment))
    except ArgoexecError as exc:
        raise PreconditionError(exc.message, hint=_INSTALL) from exc
    try:
        version = msgspec.json.decode(done.stdout, type=_Answer).terraform_version
    except msgspec.DecodeError:
        version = ""
    if done.exit_code or not version:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise PreconditionError(f"terraform does not say its version: {last}", hint=_INSTALL)
    if _numbers(version) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise PreconditionError(f"terraform {version} is older than {oldest}", hint=_INSTALL)
    return version


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.partition("-")[0].split(".")[:2]
    return tuple(int(part) for part in parts if part.isdigit())
