"""The adapter around a program that only looks like Terraform, or is not there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from argoexec_cli.compute.models import S3Backend
from argoexec_cli.compute.terraform.adapter import Terraform
from argoexec_cli.compute.terraform.commands import Commands
from argoexec_cli.compute.terraform.module import write_configuration
from argoexec_cli.errors import CapacityError, NotFoundError, PreconditionError, UnavailableError
from tests.compute.conftest import fleet
from tests.compute.terraform.conftest import Steps


class Disk(NamedTuple):
    """How much room there is."""

    total: int
    used: int
    free: int


def program(place: Path, script: str) -> dict[str, str]:
    """Return an environment in which *script* is what is called terraform."""
    path = place / "bin" / "terraform"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return {"PATH": f"{path.parent}:/usr/bin:/bin", "HOME": str(place)}


VERSION = """[ "$1" = version ] && { echo '{"terraform_version": "1.11.4"}'; exit 0; }\n"""


async def test_no_terraform(tmp_path: Path, steps: Steps) -> None:
    with pytest.raises(PreconditionError, match="terraform is not installed") as caught:
        await Terraform.open(tmp_path, {"PATH": str(tmp_path)}, steps.append)
    assert caught.value.hint.endswith("https://developer.hashicorp.com/terraform/install")


@pytest.mark.parametrize(
    ("says", "message"),
    [
        ('{"terraform_version": "1.4.7"}', r"terraform 1\.4\.7 is older than 1\.5"),
        ('{"terraform_version": "0.15.5"}', r"terraform 0\.15\.5 is older than 1\.5"),
        ("Terraform v0.11", "terraform does not say its version"),
    ],
)
async def test_a_terraform_that_is_too_old(
    tmp_path: Path, steps: Steps, says: str, message: str
) -> None:
    environment = program(tmp_path, f"echo '{says}'")
    with pytest.raises(PreconditionError, match=message) as caught:
        await Terraform.open(tmp_path, environment, steps.append)
    assert "install" in caught.value.hint


@pytest.mark.parametrize("says", ["1.5.0", "1.12.0-beta1", "2.0.0"])
async def test_a_terraform_that_will_do(tmp_path: Path, steps: Steps, says: str) -> None:
    environment = program(tmp_path, f"""echo '{{"terraform_version": "{says}"}}'""")
    await Terraform.open(tmp_path, environment, steps.append)


async def test_a_users_own_terraform_variables_stay_out(tmp_path: Path, steps: Steps) -> None:
    environment = program(tmp_path, VERSION + f"env > {tmp_path}/env")
    strange = {"TF_CLI_ARGS_plan": "-destroy", "TF_VAR_name": "x", "TF_WORKSPACE": "prod"}
    kept = {"AWS_PROFILE": "lab", "TF_PLUGIN_CACHE_DIR": "/c"}
    terraform = await Terraform.open(
        tmp_path / "lab", {**environment, **strange, **kept}, steps.append
    )
    await terraform.init(fleet("lab"))
    got = (tmp_path / "env").read_text()
    assert not [name for name in strange if name in got]
    for line in ("AWS_PROFILE=lab", "TF_PLUGIN_CACHE_DIR=/c", "TF_IN_AUTOMATION=1", "TF_INPUT=0"):
        assert line in got.splitlines()


async def test_a_disk_without_room(
    tmp_path: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Terraform cannot even say so: its words go to that disk, too."""
    environment = program(tmp_path, VERSION + """[ "$1" = init ]""")
    terraform = await Terraform.open(tmp_path / "lab", environment, steps.append)
    await terraform.init(fleet("lab"))
    with pytest.raises(PreconditionError, match="it ended without saying why"):
        await terraform.plan()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Disk(1, 1, 0))
    with pytest.raises(CapacityError, match=r"terraform has no room: the disk of .*/lab is full"):
        await terraform.plan()


async def test_a_provider_that_cannot_be_downloaded(tmp_path: Path, steps: Steps) -> None:
    """As Terraform 1.11 says it without a network."""
    text = "Error: Failed to query available provider packages\n\nCould not retrieve the list"
    environment = program(tmp_path, VERSION + f"printf '{text}' >&2; exit 1")
    terraform = await Terraform.open(tmp_path / "lab", environment, steps.append)
    with pytest.raises(UnavailableError, match="terraform cannot get its AWS provider"):
        await terraform.init(fleet("lab"))
    assert [(step.action, step.state) for step in steps] == [
        ("prepare", "started"),
        ("prepare", "failed"),
    ]


async def test_what_was_never_made_cannot_be_planned(tmp_path: Path, steps: Steps) -> None:
    terraform = await Terraform.open(tmp_path / "x", program(tmp_path, VERSION), steps.append)
    with pytest.raises(NotFoundError, match="there is no fleet in"):
        await terraform.plan()


def test_the_configuration_is_private_and_its_values_are_no_templates(tmp_path: Path) -> None:
    backend = S3Backend(bucket="states", key="lab", region="eu-west-1")
    write_configuration(tmp_path / "lab", fleet("lab", tags={"a": "${b} %{c}"}, backend=backend))
    path = tmp_path / "lab" / "main.tf.json"
    assert path.stat().st_mode & 0o777 == 0o600
    written = json.loads(path.read_text())
    assert written["module"]["fleet"]["tags"] == {"a": "$${b} %%{c}"}
    assert written["terraform"]["backend"]["s3"] == {
        "bucket": "states",
        "key": "lab",
        "region": "eu-west-1",
        "encrypt": True,
        "use_lockfile": True,
    }
    assert "endpoints" not in written["provider"]["aws"]
    copied = {each.name for each in (tmp_path / "lab" / "fleet").iterdir()}
    assert {"main.tf", "files"} <= copied
    assert not {"tests", "examples", "README.md"} & copied


def test_the_command_lines() -> None:
    commands = Commands()
    assert commands.apply() == ["terraform", "apply", "-json", "-input=false", "fleet.tfplan"]
    plan = commands.plan(destroy=True, replace=['a.b["c"]'])
    assert plan[:2] == ["terraform", "plan"]
    assert {"-destroy", '-replace=a.b["c"]', "-out=fleet.tfplan", "-detailed-exitcode"} <= {*plan}
    assert "-destroy" not in commands.plan(destroy=False, replace=[])
