"""The adapter in a directory of its own, against the account in this process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from argoexec_cli.compute.events import Step
from argoexec_cli.compute.terraform.adapter import Terraform
from tests.compute.provider import need_terraform, terraform_environment
from tests.lab.ec2 import Ec2

Opener = Callable[..., Awaitable[Terraform]]


class Steps(list[Step]):
    """What was told, and shorter ways to ask for it."""

    def of(self, subject: str) -> list[tuple[str, str]]:
        """Return action and state of every step about *subject*."""
        return [(step.action, step.state) for step in self if step.subject == subject]


@pytest.fixture
def steps() -> Steps:
    """Collect the steps of a test."""
    return Steps()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Name the fleet's directory, which does not exist yet."""
    return tmp_path / "fleets" / "it"


@pytest.fixture
def environment(
    ec2: Ec2, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> dict[str, str]:
    """Return all that Terraform gets: the account, the provider, a home without anything in it."""
    need_terraform(pytestconfig)
    for name, value in ec2.environment.items():
        monkeypatch.setenv(name, value)
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(tmp_path),
        **ec2.environment,
        **terraform_environment(tmp_path),
    }
