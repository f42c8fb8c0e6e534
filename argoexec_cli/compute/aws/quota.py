"""Whether the account may run as many vCPUs as a fleet would add."""

from __future__ import annotations

from typing import Any, Final

from argoexec_cli.compute.aws import instances
from argoexec_cli.compute.aws.account import Account
from argoexec_cli.compute.models import FLEET_TAG, OWNER_TAG, Finding, FleetSpec
from argoexec_cli.errors import ArgoexecError, CapacityError

# "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances" and the same for Spot.
_ON_DEMAND: Final = "L-1216C47A"
_SPOT: Final = "L-34B43A08"
_STANDARD: Final = "acdhimrtz"
_COUNTED: Final = ("pending", "running")


async def check_quota(account: Account, spec: FleetSpec, vcpus: int) -> Finding:
    """Compare what runs and what the fleet lacks with the quota; a note where that is not known.

    *vcpus* is what one host has. Only the standard families are looked at: each of the others
    (accelerators, large memory) has a quota of its own.
    """
    if spec.instance_type[0] not in _STANDARD:
        return _unknown(f"{spec.instance_type} has a quota of its own")
    code = _SPOT if spec.spot else _ON_DEMAND
    try:
        answer = await account.ask(
            "service-quotas", "get_service_quota", ServiceCode="ec2", QuotaCode=code
        )
    except ArgoexecError as exc:
        return _unknown(exc.message)
    limit = int(answer["Quota"]["Value"])
    running, ours = await _running(account, spec)
    needed = max(0, spec.count - ours) * vcpus
    found = f"{running} of {limit} vCPUs in use, {needed} more needed"
    if running + needed <= limit:
        return Finding(check="quota", state="ok", found=found)
    fix = (
        "aws service-quotas request-service-quota-increase --service-code ec2 "
        f"--quota-code {code} --desired-value {running + needed}"
    )
    code = CapacityError.code
    return Finding(check="quota", state="wrong", found=found, fix=fix, code=code)


async def _running(account: Account, spec: FleetSpec) -> tuple[int, int]:
    """Return the vCPUs in use of the same quota, and how many hosts of this fleet are in that."""
    found = await instances.describe(
        account, [{"Name": "instance-state-name", "Values": list(_COUNTED)}]
    )
    same = [
        each
        for each in found
        if each["InstanceType"][0] in _STANDARD
        and (each.get("InstanceLifecycle") == "spot") == spec.spot
    ]
    ours = sum(
        instances.tag(each, FLEET_TAG) == spec.name and instances.tag(each, OWNER_TAG) == spec.owner
        for each in same
    )
    return sum(map(_vcpus, same)), ours


def _vcpus(instance: dict[str, Any]) -> int:
    options = instance.get("CpuOptions") or {}
    return int(options.get("CoreCount", 1)) * int(options.get("ThreadsPerCore", 1))


def _unknown(why: str) -> Finding:
    return Finding(
        check="quota",
        state="note",
        found=f"not checked: {why}",
        fix="aws service-quotas list-service-quotas --service-code ec2",
    )
