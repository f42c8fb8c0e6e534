"""A certificate authority in a directory: made once, then asked for short-lived certificates.

ECDSA on P-256 throughout. The authority lives ten years and may sign no other authority. Leaves are
for one purpose each, a server or a client, and are backdated a little, as clocks differ.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from argoexec_cli.errors import DeniedError, InvalidError, PreconditionError
from argoexec_cli.files import replace_file
from argoexec_cli.models.roles import Role

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

CA_CERT: Final = "ca.crt"
CA_KEY: Final = "ca.key"
_SKEW: Final = timedelta(minutes=10)
_CA_LIFE: Final = timedelta(days=3650)


class Validity(NamedTuple):
    """How long a leaf is valid, from when on (None: now)."""

    life: timedelta = timedelta(days=90)
    start: datetime | None = None


DEFAULT: Final = Validity()


class Pair(NamedTuple):
    """A certificate and its private key, both as PEM."""

    cert: bytes
    key: bytes

    def __repr__(self) -> str:
        """Leave out the key."""
        return f"Pair(cert={self.cert!r}, key=...)"


class Authority(NamedTuple):
    """An authority that can sign. Its directory is private (0700), its key a file with 0600."""

    directory: Path
    cert: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def cert_path(self) -> Path:
        """The file with the authority's certificate, which both sides trust."""
        return self.directory / CA_CERT

    def issue_server(self, names: Sequence[str], validity: Validity = DEFAULT) -> Pair:
        """Sign a server's certificate for these DNS names and IP addresses, at least one."""
        from cryptography import x509
        from cryptography.x509.oid import ExtendedKeyUsageOID

        if not names:
            raise InvalidError("a server's certificate needs a name or an address")
        alternatives = [_alternative(name) for name in dict.fromkeys(names)]
        purpose = ExtendedKeyUsageOID.SERVER_AUTH
        return _issue(self, names[0], x509.SubjectAlternativeName(alternatives), purpose, validity)

    def issue_client(self, name: str, role: Role, validity: Validity = DEFAULT) -> Pair:
        """Sign a client's certificate; *name* is for people and logs, *role* says what it may."""
        from cryptography import x509
        from cryptography.x509.oid import ExtendedKeyUsageOID

        alternatives = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(role.uri)])
        return _issue(self, name, alternatives, ExtendedKeyUsageOID.CLIENT_AUTH, validity)


def ensure_authority(directory: Path, name: str = "argoexec") -> Authority:
    """Return the authority of *directory*, made now if there is none; *name* is its subject's.

    Repeatable. An authority that exists is never replaced: `PreconditionError` when its key is
    missing or cannot be understood, `DeniedError` when it is another user's.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (directory / CA_CERT).exists():
            _make(directory, name)
        return _load(directory)
    except FileNotFoundError as exc:
        raise _damaged(directory, f"{Path(str(exc.filename)).name} is missing") from exc
    except PermissionError as exc:
        raise DeniedError(f"{directory} may not be used", hint=f"ls -la {directory}") from exc
    except ValueError as exc:
        raise _damaged(directory, "it cannot be read") from exc


def _make(directory: Path, name: str) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    public, now = key.public_key(), datetime.now(UTC)
    subject = _subject(f"{name} CA")
    cert = (
        x509.CertificateBuilder(subject, subject, public, x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )
    # The certificate is last: without it no leaf was signed, and making begins again.
    replace_file(directory / CA_KEY, _key_pem(key), 0o600)
    replace_file(directory / CA_CERT, _cert_pem(cert), 0o644)


def _load(directory: Path) -> Authority:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key((directory / CA_KEY).read_bytes(), None)
    cert = x509.load_pem_x509_certificate((directory / CA_CERT).read_bytes())
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != cert.public_key():
        raise _damaged(directory, f"{CA_KEY} is not the key of {CA_CERT}")
    os.chmod(directory / CA_KEY, 0o600)
    return Authority(directory, cert, key)


def _issue(
    authority: Authority,
    name: str,
    alternatives: x509.SubjectAlternativeName,
    purpose: x509.ObjectIdentifier,
    validity: Validity,
) -> Pair:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    start = (validity.start or datetime.now(UTC)) - _SKEW
    end = min(start + _SKEW + validity.life, authority.cert.not_valid_after_utc)
    signer = authority.cert.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    cert = (
        x509.CertificateBuilder(
            authority.cert.subject, _subject(name), key.public_key(), x509.random_serial_number()
        )
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(alternatives, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(signer), critical=False
        )
        .sign(authority.key, hashes.SHA256())
    )
    return Pair(_cert_pem(cert), _key_pem(key))


def _usage(*, signs: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _subject(name: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    # RFC 5280: at most 64 characters; who needs a long name has it among the alternatives.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _alternative(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        return x509.DNSName(name)
    except ValueError as exc:
        raise InvalidError(f"{name!r} is neither a DNS name nor an IP address") from exc


def _cert_pem(cert: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return cert.public_bytes(Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _damaged(directory: Path, problem: str) -> PreconditionError:
    return PreconditionError(
        f"the authority in {directory} is damaged: {problem}",
        hint=f"restore it, or remove {directory} and provision the fleet again",
    )
