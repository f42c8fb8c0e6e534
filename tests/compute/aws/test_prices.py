"""What a fleet costs, as far as an offline table can say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from argoexec_cli.compute.aws.prices import Price, cost_so_far, hourly
from argoexec_cli.compute.models import HostRecord
from tests.compute.conftest import fleet

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def host(instance_type: str, hours: float, **changes: object) -> HostRecord:
    """Return a host that has been running for *hours*."""
    values = {"name": "a-0", "state": "running", "instance_type": instance_type, **changes}
    return HostRecord(**values, launched_at=NOW - timedelta(hours=hours))  # type: ignore[arg-type]


def test_a_host_in_the_regions_of_the_list_has_one_price() -> None:
    price = hourly(fleet("a", instance_type="m5.large", disk_gib=73, public_ip=False))
    assert price == pytest.approx((0.096 + 0.008, 0.096 + 0.008))


def test_count_disk_and_address_are_counted() -> None:
    price = hourly(fleet("a", instance_type="t3.small", disk_gib=73, count=3))
    assert price == pytest.approx((3 * (0.0208 + 0.008 + 0.005),) * 2)


def test_elsewhere_it_is_a_range() -> None:
    price = hourly(fleet("a", instance_type="t3.small", region="eu-central-1"))
    assert price is not None
    assert price.low < price.high
    assert str(price) == "$0.031 to $0.034"


def test_spot_is_somewhere_below_on_demand() -> None:
    on_demand = hourly(fleet("a", instance_type="c7g.large"))
    spot = hourly(fleet("a", instance_type="c7g.large", spot=True))
    assert spot is not None
    assert on_demand is not None
    assert spot.low < spot.high == on_demand.high


@pytest.mark.parametrize("instance_type", ["p5.48xlarge", "t3.large8", "m5.small", "odd"])
def test_what_is_not_in_the_table_is_unknown(instance_type: str) -> None:
    assert hourly(fleet("a", instance_type=instance_type)) is None


def test_an_unknown_region_is_unknown() -> None:
    assert hourly(fleet("a", region="eu-south-9")) is None


def test_cost_so_far_counts_what_runs() -> None:
    hosts = [host("t3.small", 10), host("t3.small", 5), host("t3.small", 99, state="stopped")]
    assert cost_so_far(hosts, "us-east-1", NOW) == pytest.approx((0.312, 0.312))
    assert cost_so_far([], "us-east-1", NOW) == Price(0.0, 0.0)


def test_cost_so_far_is_unknown_when_one_price_is() -> None:
    assert cost_so_far([host("t3.small", 1), host("x9.huge", 1)], "us-east-1", NOW) is None
