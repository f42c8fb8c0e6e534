"""The certificates that the contexts of the config file use, and those that belong to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from argoexec_cli.compute.trust import CA_CERT, Certificate, read_certificate
from argoexec_cli.errors import ArgoexecError

if TYPE_CHECKING:
    from argoexec_cli.config.settings import Context


class Held(NamedTuple):
    """A file that should be a certificate, what it is to whom, and what is wrong with it, if so."""

    owner: str
    path: Path
    certificate: Certificate | None
    problem: str = ""


def of_contexts(contexts: tuple[Context, ...], fleet: str = "") -> list[Held]:
    """Return each certificate once; with *fleet*, only those of its contexts.

    Beside a fleet's authority lie the certificates of its hosts; they are among them.
    """
    wanted = [each for each in contexts if not fleet or _belongs(each.name, fleet)]
    found: dict[Path, str] = {}
    for owner, path in _paths(wanted):
        found.setdefault(path, owner)
    return [_held(owner, path) for path, owner in found.items()]


def _belongs(context: str, fleet: str) -> bool:
    return context == fleet or context.startswith(f"{fleet}/")


def _paths(contexts: list[Context]) -> Iterator[tuple[str, Path]]:
    for context in contexts:
        tls = context.tls
        fleet = context.name.partition("/")[0]
        if tls is not None and tls.cert:
            yield f"client of {fleet}", Path(tls.cert).expanduser()
        if tls is not None and tls.ca:
            authority = Path(tls.ca).expanduser()
            yield f"authority of {fleet}", authority
            if authority.name == CA_CERT:
                for path in sorted(authority.parent.glob("hosts/*/tls.crt")):
                    yield f"host {path.parent.name}", path


def _held(owner: str, path: Path) -> Held:
    try:
        return Held(owner, path, read_certificate(path))
    except ArgoexecError as exc:
        return Held(owner, path, None, exc.message)
