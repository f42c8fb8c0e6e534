"""An AWS account in this process for the tests below: the lab's EC2, without machines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from argoexec_cli.compute.aws.account import Account, open_account
from argoexec_cli.compute.models import FleetSpec
from argoexec_cli.config.load import load_settings
from tests.lab.ec2 import REGION, Ec2

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJr0UzGCuUWqUaHvkVdNE4nNn8Ggnn9gBAM2sgD6EM7 test"
OWNER = "me@example.com"


@pytest.fixture(scope="session")
def ec2() -> Iterator[Ec2]:
    """Give an account; tests take fleet names of their own, so that they can share it."""
    with Ec2() as running:
        yield running


@pytest.fixture
async def account(ec2: Ec2, monkeypatch: pytest.MonkeyPatch) -> Account:
    """Give the way to it that the product has."""
    for name, value in ec2.environment.items():
        monkeypatch.setenv(name, value)
    return await open_account(load_settings())


def fleet(name: str, **changes: object) -> FleetSpec:
    """Describe a fleet in the account."""
    values = {"name": name, "owner": OWNER, "ssh_public_key": KEY, "region": REGION, **changes}
    return FleetSpec(**values)  # type: ignore[arg-type] # the caller's own words
