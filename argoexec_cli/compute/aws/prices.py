"""What a fleet costs, roughly, without asking anybody: an offline table with a date.

On-demand Linux list prices in US dollars an hour, as AWS published them for us-east-1 up to
`AS_OF`; other regions are a range around that, taken from a few types of each. Traffic, taxes and
discounts are not in it. What is not in the table is unknown, and said to be.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from argoexec_cli.compute.models import FleetSpec, HostRecord

AS_OF: Final = "2025-01"
_HOURS_A_MONTH: Final = 730.0
_PUBLIC_ADDRESS: Final = 0.005
_GP3_GIB_MONTH: Final = 0.08
_SNAPSHOT_GIB_MONTH: Final = 0.05
# Spot has no list price. It may not exceed on-demand and is rarely below a tenth of it.
_SPOT: Final = (0.1, 1.0)

# family → price of its `large`; the other sizes of these families follow from it.
_LARGE: Final = {
    "t3": 0.0832,
    "t3a": 0.0752,
    "t4g": 0.0672,
    "m5": 0.096,
    "m6a": 0.0864,
    "m6g": 0.077,
    "m6i": 0.096,
    "m7g": 0.0816,
    "m7i": 0.1008,
    "c5": 0.085,
    "c6a": 0.0765,
    "c6g": 0.068,
    "c6i": 0.085,
    "c7g": 0.0725,
    "c7i": 0.08925,
    "r5": 0.126,
    "r6g": 0.1008,
    "r6i": 0.126,
    "r7g": 0.1071,
    "r7i": 0.1323,
}
_BURSTABLE: Final = ("t3", "t3a", "t4g")
_SMALL_SIZES: Final = {"nano": 1 / 16, "micro": 1 / 8, "small": 1 / 4, "medium": 1 / 2}
_SIZES: Final = {"large": 1.0, "xlarge": 2.0, "2xlarge": 4.0, "4xlarge": 8.0, "8xlarge": 16.0}
_REGIONS: Final = {
    "us-east-1": (1.0, 1.0),
    "us-east-2": (1.0, 1.0),
    "us-west-2": (1.0, 1.0),
    "us-west-1": (1.15, 1.26),
    "ca-central-1": (1.05, 1.16),
    "eu-north-1": (1.0, 1.1),
    "eu-west-1": (1.05, 1.16),
    "eu-west-2": (1.1, 1.2),
    "eu-west-3": (1.1, 1.2),
    "eu-central-1": (1.1, 1.22),
    "ap-south-1": (0.6, 1.1),
    "ap-southeast-1": (1.12, 1.3),
    "ap-southeast-2": (1.2, 1.33),
    "ap-northeast-1": (1.2, 1.33),
    "sa-east-1": (1.5, 1.65),
}


class Price(NamedTuple):
    """Between what and what, in US dollars."""

    low: float
    high: float

    def __str__(self) -> str:
        """Write it as people do: `$0.023` or `$0.02 to $0.05`."""
        low, high = f"${self.low:.3f}", f"${self.high:.3f}"
        return low if low == high else f"{low} to {high}"


def hourly(spec: FleetSpec) -> Price | None:
    """Return what the fleet costs in an hour with disks and addresses, or None when unknown."""
    host = _instance(spec.instance_type, spec.region, spot=spec.spot)
    if host is None:
        return None
    low, high = _REGIONS[spec.region]
    disk = spec.disk_gib * _GP3_GIB_MONTH / _HOURS_A_MONTH
    address = _PUBLIC_ADDRESS if spec.public_ip else 0.0
    return Price(
        spec.count * (host.low + disk * low + address),
        spec.count * (host.high + disk * high + address),
    )


def snapshot_month(size_gib: int, region: str) -> float:
    """Return the most that snapshots of a disk cost in a month; where a region's prices are not
    known, by those of us-east-1.
    """
    return size_gib * _SNAPSHOT_GIB_MONTH * _REGIONS.get(region, (1.0, 1.0))[1]


def cost_so_far(hosts: Iterable[HostRecord], region: str, now: datetime) -> Price | None:
    """Return what instances have cost since their last start; None when any price is unknown.

    Disks and addresses are not counted, and a stopped instance costs nothing.
    """
    low = high = 0.0
    for host in hosts:
        if host.launched_at is None or host.state not in ("pending", "running"):
            continue
        price = _instance(host.instance_type, region, spot=host.spot)
        if price is None:
            return None
        hours = max(0.0, (now - host.launched_at).total_seconds() / 3600)
        low, high = low + hours * price.low, high + hours * price.high
    return Price(low, high)


def _instance(instance_type: str, region: str, *, spot: bool) -> Price | None:
    family, _, size = instance_type.partition(".")
    sizes = {**_SIZES, **(_SMALL_SIZES if family in _BURSTABLE else {})}
    if family not in _LARGE or size not in sizes or region not in _REGIONS:
        return None
    base = _LARGE[family] * sizes[size]
    low, high = _REGIONS[region]
    least, most = _SPOT if spot else (1.0, 1.0)
    return Price(base * low * least, base * high * most)
