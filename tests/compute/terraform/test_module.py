"""The module by itself: layout, validity, its own tests, and a linter's view of its security."""

from __future__ import annotations

import json
import shutil
import subprocess
import venv
from pathlib import Path

import pytest

from argoexec_cli.compute.terraform.module import find_module
from tests.compute.provider import need_terraform, terraform_environment
from tests.lab.cache import cached

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CHECKOV = "checkov==3.3.30"


def terraform(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Terraform in *place*, without an account."""
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(place),
        "AWS_REGION": "us-east-1",
        **terraform_environment(place.parent),
    }
    return subprocess.run(
        ["terraform", *arguments], cwd=place, env=environment, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """Give a copy of the module, so that Terraform's own files do not get into the checkout."""
    need_terraform(pytestconfig)
    place = tmp_path_factory.mktemp("module") / "terraform"
    shutil.copytree(find_module(), place)
    assert terraform(place, "init", "-input=false").returncode == 0
    return place


def test_it_is_formatted(pytestconfig: pytest.Config) -> None:
    need_terraform(pytestconfig)
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-diff", "-recursive", find_module()],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_its_own_tests_pass(module: Path) -> None:
    done = terraform(module, "test", "-no-color")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("example", ["minimal", "spot"])
def test_the_examples_are_valid(module: Path, example: str) -> None:
    place = module / "examples" / example
    # Validation reads the file; a person has one.
    key = place / ".ssh" / "id_ed25519.pub"
    key.parent.mkdir(exist_ok=True)
    key.write_text(
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJr0UzGCuUWqUaHvkVdNE4nNn8Ggnn9gBAM2sgD6EM7\n"
    )
    assert terraform(place, "init", "-input=false").returncode == 0
    done = terraform(place, "validate", "-json")
    answer = json.loads(done.stdout)
    assert answer["valid"], answer["diagnostics"]


def test_no_rule_of_the_linter_is_broken_without_a_reason() -> None:
    place = cached("checkov", CHECKOV, _install_checkov)
    done = subprocess.run(
        [
            place / "bin" / "python",
            place / "bin" / "checkov",
            *("--directory", find_module(), "--framework", "terraform"),
            *("--compact", "--quiet", "--skip-download", "--output", "json"),
        ],
        env={"PATH": "/usr/bin:/bin", "HOME": str(place)},
        capture_output=True,
        text=True,
    )
    report = json.loads(done.stdout)
    failed = [(each["check_id"], each["resource"]) for each in report["results"]["failed_checks"]]
    assert failed == []
    assert report["summary"]["passed"] > 30
    assert done.returncode == 0, done.stderr


def _install_checkov(place: Path) -> None:
    """Into an environment of its own: its dependencies are not ours."""
    venv.create(place, with_pip=True)
    python = str(place / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", CHECKOV], check=True)
