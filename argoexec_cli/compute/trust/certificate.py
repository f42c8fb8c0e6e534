"""What a certificate says about itself, in the words of a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from argoexec_cli.errors import DeniedError, InvalidError, NotFoundError
from argoexec_cli.models.base import Model
from argoexec_cli.models.roles import role_of

if TYPE_CHECKING:
    from cryptography import x509


class Certificate(Model, kw_only=True):
    """A certificate in a file. `role` is empty for a server's and an authority's."""

    path: str
    subject: str
    issuer: str
    names: tuple[str, ...] = ()
    role: str = ""
    not_before: datetime
    not_after: datetime

    def left(self, now: datetime | None = None) -> timedelta:
        """Return how long it is still valid; negative once it has expired."""
        return self.not_after - (now or datetime.now(UTC))

    def due(self, now: datetime | None = None) -> bool:
        """Tell whether less than a third of its life is left: time for the next one."""
        return self.left(now) < (self.not_after - self.not_before) / 3


def read_certificate(path: Path) -> Certificate:
    """Read the first certificate of a PEM file. `NotFoundError`, `DeniedError`, `InvalidError`."""
    from cryptography import x509

    try:
        loaded = x509.load_pem_x509_certificate(path.expanduser().read_bytes())
    except FileNotFoundError as exc:
        raise NotFoundError(f"{path}: no such certificate", hint="argoexec context list") from exc
    except PermissionError as exc:
        raise DeniedError(f"{path} may not be read", hint=f"ls -l {path}") from exc
    except (OSError, ValueError) as exc:
        raise InvalidError(f"{path} is not a certificate", hint=f"file {path}") from exc
    uris, names = _alternatives(loaded)
    role = role_of(uris)
    return Certificate(
        path=str(path),
        subject=_common_name(loaded.subject),
        issuer=_common_name(loaded.issuer),
        names=tuple(names),
        role=role.name.lower() if role else "",
        not_before=loaded.not_valid_before_utc,
        not_after=loaded.not_valid_after_utc,
    )


def _alternatives(loaded: x509.Certificate) -> tuple[list[str], list[str]]:
    from cryptography import x509

    try:
        found = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return [], []
    names = found.get_values_for_type(x509.DNSName)
    addresses = found.get_values_for_type(x509.IPAddress)
    uris = found.get_values_for_type(x509.UniformResourceIdentifier)
    return list(uris), [*names, *map(str, addresses)]


def _common_name(name: x509.Name) -> str:
    from cryptography.x509.oid import NameOID

    values = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(values[0].value) if values else name.rfc4514_string()
