"""Machines, an EC2 whose instances they are, and the program between them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from argoexec_cli.compute.fleet.ssh import ensure_key
from tests.compute.fleet.program import Program
from tests.compute.provider import terraform_environment
from tests.engines.availability import need
from tests.lab.ec2 import Ec2
from tests.lab.machine import Machine
from tests.lab.rootfs import PROGRAMS


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Give a private directory for the module's fleets."""
    path = Path(tempfile.mkdtemp(prefix="ax-fleet-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def ec2(pytestconfig: pytest.Config) -> Iterator[Ec2]:
    """Give an EC2 of machines."""
    need(pytestconfig, "terraform", *PROGRAMS)
    with Ec2(Machine) as running:
        yield running


@pytest.fixture(scope="module")
def aws(ec2: Ec2, home: Path) -> Program:
    """Give the program, for which that is AWS."""
    return Program(home, {**ec2.environment, **terraform_environment(home)})


@pytest.fixture(scope="module")
def key(home: Path) -> Path:
    """Give an SSH key that the machines of the module know."""
    path = home / "key"
    ensure_key(path)
    return path


@pytest.fixture(scope="module")
def machines(pytestconfig: pytest.Config, key: Path) -> Iterator[list[Machine]]:
    """Give two machines that let the key's owner in."""
    need(pytestconfig, *PROGRAMS)
    made: list[Machine] = []
    try:
        for _ in range(2):
            machine = Machine()
            made.append(machine)
            machine.authorize(ensure_key(key))
            machine.start()
        yield made
    finally:
        for machine in made:
            machine.remove()
