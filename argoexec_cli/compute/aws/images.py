"""Public machine images: which parameter names the newest one, and what an image is."""

from __future__ import annotations

from typing import Any, Final

from argoexec_cli.compute.aws.account import Account
from argoexec_cli.compute.models import Arch, FleetSpec, Os
from argoexec_cli.errors import NotFoundError

_DEBIAN_ARCH: Final[dict[Arch, str]] = {"x86_64": "amd64", "arm64": "arm64"}


def parameter(system: Os, arch: Arch) -> str:
    """Return the name of the publisher's parameter, as terraform/image.tf builds it."""
    other = _DEBIAN_ARCH[arch]
    names: dict[Os, str] = {
        "al2023": f"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{arch}",
        "ubuntu-24.04": (
            f"/aws/service/canonical/ubuntu/server/24.04/stable/current/{other}/hvm/ebs-gp3/ami-id"
        ),
        "debian-12": f"/aws/service/debian/release/12/latest/{other}",
    }
    return names[system]


async def find_image(account: Account, spec: FleetSpec) -> dict[str, Any]:
    """Return the image that a new host of *spec* gets, in EC2's form.

    Raises `NotFoundError` when the region has no such image or parameter.
    """
    wanted = spec.ami
    if not wanted:
        answer = await account.ask("ssm", "get_parameter", Name=parameter(spec.os, spec.arch))
        wanted = str(answer["Parameter"]["Value"])
    answer = await account.ask("ec2", "describe_images", ImageIds=[wanted])
    if not answer["Images"]:
        raise NotFoundError(f"the image {wanted} does not exist in {account.region}")
    image: dict[str, Any] = answer["Images"][0]
    return image
