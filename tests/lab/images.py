"""The machine images that moto lacks, and the public parameters that name them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

_DEBIAN: Final = "136693071363"
_UBUNTU: Final = "099720109477"
# name of the parameter, owner, name of the image
_IMAGES: Final = (
    ("/aws/service/debian/release/12/latest/amd64", _DEBIAN, "debian-12-amd64-20261001-1"),
    ("/aws/service/debian/release/bookworm/latest/amd64", _DEBIAN, "debian-12-amd64-20261001-2"),
    (
        "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id",
        _UBUNTU,
        "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20261001",
    ),
)


def add_images(account: str, region: str) -> None:
    """Add them to an account."""
    from moto.backends import get_backend
    from moto.ssm import models

    ec2: Any = get_backend("ec2")[account][region]
    ssm: Any = get_backend("ssm")[account][region]
    make: Any = models.Parameter  # whose methods for CloudFormation have no bodies
    parameters = ssm._parameters
    for number, (parameter, owner, name) in enumerate(_IMAGES):
        image = _add_image(ec2, region, number, owner, name)
        parameters[parameter].append(
            make(
                account_id=account,
                name=parameter,
                value=image,
                parameter_type="String",
                description=None,
                allowed_pattern=None,
                keyid=None,
                last_modified_date=datetime.now(UTC),
                version=1,
                data_type="aws:ec2:image",
            )
        )


def _add_image(backend: Any, region: str, number: int, owner: str, name: str) -> str:
    from moto.ec2.models.amis import Ami

    image = f"ami-0aeeb1ab{number:09x}"
    backend.amis[image] = Ami(
        backend,
        image,
        name=name,
        description=name,
        owner_id=owner,
        owner_alias="aws-marketplace",
        public=True,
        virtualization_type="hvm",
        architecture="x86_64",
        root_device_type="ebs",
        root_device_name="/dev/xvda" if owner == _DEBIAN else "/dev/sda1",
        region_name=f"{region}a",
    )
    return image
