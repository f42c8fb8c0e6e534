"""The system's certificates are read by the first connection that needs them, not before.

And nobody looks for versions of what is installed.
"""

from __future__ import annotations

import ssl
import subprocess
import sys
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


def test_versions_are_unknown_to_who_asks_meanwhile_and_all_else_is_as_ever() -> None:
    # Not in this process, which has loaded the module long since.
    code = (
        "import sys\n"
        "from argoexec_cli.runtime.docker.http import aiodocker, versions_unknown\n"
        "print('importlib.metadata' in sys.modules, aiodocker.__version__)\n"
        "with versions_unknown():\n"
        "    from importlib.metadata import PackageNotFoundError, version\n"
        "    try:\n"
        "        version('pytest')\n"
        "    except PackageNotFoundError as exc:\n"
        "        print('no', exc)\n"
        "    from importlib.metadata import distribution\n"
        "    print(distribution('pytest').name)\n"
        "from importlib.metadata import version\n"
        "print(version('pytest') != '')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["False 0.0.0+unknown", "no pytest", "pytest", "True"]
