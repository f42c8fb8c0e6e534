"""The system's certificates are read by the first connection that needs them, not before."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from argoexec_cli.compute.trust.authority import ensure_authority
from argoexec_cli.runtime.docker.http import certificates_postponed


def test_a_context_reads_them_at_its_first_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = ensure_authority(tmp_path, "somebody")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.cert_path))
    with certificates_postponed():
        context = ssl.create_default_context()
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.get_ca_certs() == []
    context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="somebody")
    assert len(context.get_ca_certs()) == 1
    assert type(context) is ssl.SSLContext
    assert len(ssl.create_default_context().get_ca_certs()) == 1
