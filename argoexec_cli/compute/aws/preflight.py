"""What would make the apply fail, found before it: who, where, image, type, subnet, quota."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Final

from argoexec_cli.compute.aws.account import Account
from argoexec_cli.compute.aws.images import find_image
from argoexec_cli.compute.aws.network import check_route, find_subnet, zones_offering
from argoexec_cli.compute.aws.quota import check_quota
from argoexec_cli.compute.models import Finding, FleetSpec
from argoexec_cli.errors import ArgoexecError, DeniedError, InvalidError, NotFoundError

_WOULD: Final = "DryRunOperation"


async def preflight(account: Account, spec: FleetSpec) -> list[Finding]:
    """Look at everything that *spec* needs of the account; reads only.

    Never raises for what it finds: an answer that it cannot get is a finding, too. Where AWS does
    not answer or know who asks, that is the only one.
    """
    try:
        identity = await account.ask("sts", "get_caller_identity")
    except ArgoexecError as exc:
        return [_failed("credentials", exc)]
    who = Finding(check="credentials", state="ok", found=str(identity["Arn"]))
    where = Finding(check="region", state="ok", found=account.region)
    image = spec.ami or f"{spec.os} on {spec.arch}"

    async def guarded(check: str, subject: str, work: Awaitable[list[Finding]]) -> list[Finding]:
        try:
            return await work
        except (NotFoundError, InvalidError) as exc:
            exc.message += f": {subject} in {account.region}"
            return [_failed(check, exc)]
        except ArgoexecError as exc:
            return [_failed(check, exc)]

    parts = await asyncio.gather(
        guarded("image", image, _image(account, spec)),
        guarded("instance type", spec.instance_type, _instance_type(account, spec)),
        guarded("subnet", spec.subnet_id, _subnet(account, spec)),
        _rights(account, spec),
    )
    return [who, where, *(finding for part in parts for finding in part)]


async def _image(account: Account, spec: FleetSpec) -> list[Finding]:
    image = await find_image(account, spec)
    found = f"{image['ImageId']} ({image.get('Name', 'without a name')})"
    arch = image.get("Architecture", spec.arch)
    if arch == spec.arch:
        return [Finding(check="image", state="ok", found=found)]
    return [
        Finding(
            check="image",
            state="wrong",
            found=f"{found} is for {arch}, not {spec.arch}",
            fix=f"--arch {arch}, or another --ami",
        )
    ]


async def _instance_type(account: Account, spec: FleetSpec) -> list[Finding]:
    name = spec.instance_type
    answer = await account.ask("ec2", "describe_instance_types", InstanceTypes=[name])
    described: dict[str, Any] = answer["InstanceTypes"][0]
    zones = await zones_offering(account, name)
    vcpus = int(described["VCpuInfo"]["DefaultVCpus"])
    memory = described["MemoryInfo"]["SizeInMiB"] / 1024
    archs = described["ProcessorInfo"]["SupportedArchitectures"]
    found = f"{name}: {vcpus} vCPUs, {memory:g} GiB"
    if spec.arch not in archs:
        return [
            _wrong_type(f"{name} is {' or '.join(archs)}, not {spec.arch}", f"--arch {archs[0]}")
        ]
    wanted = spec.availability_zone
    if not zones or (wanted and wanted not in zones):
        where = wanted or account.region
        return [_wrong_type(f"{name} is not offered in {where}", _elsewhere(zones))]
    fits = Finding(check="instance type", state="ok", found=found)
    return [fits, await check_quota(account, spec, vcpus)]


async def _subnet(account: Account, spec: FleetSpec) -> list[Finding]:
    if not spec.subnet_id:
        return [Finding(check="subnet", state="ok", found="a VPC with a public subnet is made")]
    subnet = await find_subnet(account, spec.subnet_id)
    zone, offered = subnet["AvailabilityZone"], await zones_offering(account, spec.instance_type)
    if offered and zone not in offered:
        text = f"{spec.subnet_id} is in {zone}, where {spec.instance_type} is not offered"
        fix = f"take a --subnet in one of: {', '.join(offered)}"
        return [Finding(check="subnet", state="wrong", found=text, fix=fix)]
    return [await check_route(account, spec, subnet)]


async def _rights(account: Account, spec: FleetSpec) -> list[Finding]:
    """Ask EC2 whether it would start an instance, which it answers without starting one.

    Says nothing where the question itself cannot be asked: another check has said why.
    """
    where = {"SubnetId": spec.subnet_id} if spec.subnet_id else {}
    try:
        image = await find_image(account, spec)
        await account.ask(
            "ec2",
            "run_instances",
            ImageId=image["ImageId"],
            InstanceType=spec.instance_type,
            MinCount=1,
            MaxCount=1,
            DryRun=True,
            **where,
        )
    except DeniedError as exc:
        return [_failed("rights", exc)]
    except ArgoexecError as exc:
        if _WOULD not in exc.message:
            return []
    return [Finding(check="rights", state="ok", found="instances may be started")]


def _elsewhere(zones: list[str]) -> str:
    return f"one of the zones {', '.join(zones)}" if zones else "another --region"


def _wrong_type(found: str, fix: str) -> Finding:
    fix = f"take another --instance-type, or {fix}"
    return Finding(check="instance type", state="wrong", found=found, fix=fix)


def _failed(check: str, error: ArgoexecError) -> Finding:
    return Finding(check=check, state="wrong", found=error.message, fix=error.hint, code=error.code)
