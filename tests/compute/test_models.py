"""What a fleet is called, and what of it survives being written down."""

from __future__ import annotations

import pytest

from argoexec_cli.compute.models import Change, FleetSpec, Plan, S3Backend
from argoexec_cli.errors import InvalidError
from argoexec_cli.models.base import decode_json, encode_json
from tests.compute.conftest import fleet


def test_a_spec_can_be_written_and_read() -> None:
    backend = S3Backend(bucket="states", key="lab", region="eu-west-1")
    spec = fleet("lab", count=2, client_cidrs=("10.0.0.0/8",), tags={"a": "b"}, backend=backend)
    assert decode_json(encode_json(spec), FleetSpec) == spec
    assert spec.host_names == ("lab-0", "lab-1")
    assert spec.ssh_user == "admin"


@pytest.mark.parametrize("name", ["", "Lab", "1lab", "lab-", "a" * 31, "lab_2", "lab\n"])
def test_a_name_that_nothing_could_carry(name: str) -> None:
    with pytest.raises(InvalidError, match="cannot be a fleet's name"):
        fleet(name).check()


def test_an_owner_that_no_tag_could_carry() -> None:
    with pytest.raises(InvalidError, match="cannot be an owner"):
        fleet("lab", owner="two words").check()
    assert fleet("lab").check().name == "lab"


def test_a_plan_counts_by_action() -> None:
    plan = Plan(changes=(Change(address="a", kind="b", action="create"),))
    assert (plan.count("create"), plan.count("delete"), plan.empty) == (1, 0, False)
    assert Plan().empty
