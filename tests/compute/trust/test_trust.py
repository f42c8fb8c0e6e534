"""Authorities and what they sign: short-lived, for one purpose, renewed in time, private."""

from __future__ import annotations

import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from argoexec_cli.compute.trust import (
    Validity,
    ensure_authority,
    ensure_client,
    ensure_host,
    forget_host,
    open_trust,
    read_certificate,
    renew,
)
from argoexec_cli.errors import InvalidError, NotFoundError, PreconditionError
from argoexec_cli.models.roles import Role, role_of

NAMES = ("10.0.0.1", "lab-0", "fd00::1")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_an_authority_is_made_once_and_private(tmp_path: Path) -> None:
    made = ensure_authority(tmp_path / "ca", "lab")
    again = ensure_authority(tmp_path / "ca", "other")
    assert again.cert == made.cert
    assert mode(tmp_path / "ca") == 0o700
    assert mode(tmp_path / "ca" / "ca.key") == 0o600
    assert isinstance(made.key.curve, ec.SECP256R1)
    life = made.cert.not_valid_after_utc - datetime.now(UTC)
    assert timedelta(days=3649) < life < timedelta(days=3651)
    constraints = made.cert.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert constraints.ca
    assert constraints.path_length == 0


def test_half_an_authority_is_damaged(tmp_path: Path) -> None:
    ensure_authority(tmp_path)
    (tmp_path / "ca.key").unlink()
    with pytest.raises(PreconditionError, match=r"is damaged: ca\.key is missing"):
        ensure_authority(tmp_path)


def test_making_it_begins_again_where_it_was_cut_off_before_the_certificate(
    tmp_path: Path,
) -> None:
    ensure_authority(tmp_path)
    (tmp_path / "ca.crt").unlink()
    assert ensure_authority(tmp_path).cert.subject


def test_a_damaged_authority_is_never_replaced(tmp_path: Path) -> None:
    ensure_authority(tmp_path / "a")
    ensure_authority(tmp_path / "b")
    (tmp_path / "a" / "ca.key").write_bytes((tmp_path / "b" / "ca.key").read_bytes())
    with pytest.raises(PreconditionError, match=r"ca\.key is not the key of ca\.crt") as caught:
        ensure_authority(tmp_path / "a")
    assert "PRIVATE" not in caught.value.message
    (tmp_path / "a" / "ca.key").write_text("rubbish")
    with pytest.raises(PreconditionError, match="it cannot be read"):
        ensure_authority(tmp_path / "a")


def test_a_servers_certificate_has_its_names_and_no_other_purpose(tmp_path: Path) -> None:
    pair = ensure_authority(tmp_path).issue_server(NAMES)
    cert = x509.load_pem_x509_certificate(pair.cert)
    names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(map(str, names.get_values_for_type(x509.IPAddress))) == ["10.0.0.1", "fd00::1"]
    assert names.get_values_for_type(x509.DNSName) == ["lab-0"]
    usage = cert.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert not cert.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert "PRIVATE" not in repr(pair)
    with pytest.raises(InvalidError, match="needs a name"):
        ensure_authority(tmp_path).issue_server([])


@pytest.mark.parametrize("role", Role)
def test_a_clients_certificate_says_its_role(tmp_path: Path, role: Role) -> None:
    tls = ensure_client(open_trust(tmp_path, "lab"), role)
    found = read_certificate(Path(tls.cert))
    assert found.role == role.name.lower()
    assert found.issuer == "argoexec fleet lab CA"
    assert mode(Path(tls.key)) == 0o600
    assert mode(Path(tls.key).parent) == 0o700


def test_of_several_roles_the_highest_counts_and_strangers_none() -> None:
    assert role_of([Role.READ.uri, Role.ADMIN.uri, "urn:x"]) is Role.ADMIN
    assert role_of(["urn:argoexec:role:root", "urn:argoexec:role:adminx"]) is None


def test_openssl_takes_them(tmp_path: Path) -> None:
    trust = open_trust(tmp_path, "lab")
    files = ensure_host(trust, "lab-0", NAMES)
    for purpose, cert in (
        ("sslserver", files / "tls.crt"),
        ("sslclient", ensure_client(trust).cert),
    ):
        argv = ["openssl", "verify", "-x509_strict", "-purpose", purpose]
        argv += ["-CAfile", str(tmp_path / "ca.crt"), str(cert)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_a_hosts_files_stay_until_its_names_change_or_they_are_due(tmp_path: Path) -> None:
    trust = open_trust(tmp_path, "lab")
    files = ensure_host(trust, "lab-0", NAMES)
    assert sorted(path.name for path in files.iterdir()) == ["ca.crt", "tls.crt", "tls.key"]
    first = (files / "tls.crt").read_bytes()
    assert ensure_host(trust, "lab-0", NAMES) == files
    assert (files / "tls.crt").read_bytes() == first
    ensure_host(trust, "lab-0", (*NAMES, "localhost"))
    second = (files / "tls.crt").read_bytes()
    assert second != first
    old = Validity(timedelta(days=90), datetime.now(UTC) - timedelta(days=61))
    ensure_host(open_trust(tmp_path, "lab", old), "lab-1", NAMES)
    due = read_certificate(tmp_path / "hosts/lab-1/tls.crt")
    assert due.due()
    ensure_host(trust, "lab-1", NAMES)
    assert not read_certificate(tmp_path / "hosts/lab-1/tls.crt").due()


def test_renewing_replaces_all_and_keeps_names_and_roles(tmp_path: Path) -> None:
    trust = open_trust(tmp_path, "lab")
    ensure_client(trust, Role.READ)
    ensure_host(trust, "lab-0", NAMES)
    before = {each.path: each for each in trust.certificates()}
    keys = {path: path.read_bytes() for path in tmp_path.glob("*/*/tls.key")}
    renew(trust)
    after = {each.path: each for each in trust.certificates()}
    assert after.keys() == before.keys()
    assert after[str(tmp_path / "ca.crt")] == before[str(tmp_path / "ca.crt")]
    assert all(path.read_bytes() != data for path, data in keys.items())
    assert [each.names for each in after.values()] == [each.names for each in before.values()]
    assert [each.role for each in after.values()] == [each.role for each in before.values()]
    forget_host(trust, "lab-0")
    forget_host(trust, "lab-0")
    assert len(trust.certificates()) == 2


def test_a_leaf_never_outlives_its_authority(tmp_path: Path) -> None:
    authority = ensure_authority(tmp_path)
    pair = authority.issue_client("x", Role.READ, Validity(timedelta(days=9999)))
    cert = x509.load_pem_x509_certificate(pair.cert)
    assert cert.not_valid_after_utc == authority.cert.not_valid_after_utc


def test_what_is_no_certificate(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        read_certificate(tmp_path / "none")
    (tmp_path / "x").write_text("x")
    with pytest.raises(InvalidError, match="is not a certificate"):
        read_certificate(tmp_path / "x")
