"""Answers of AWS that a test may wish for, and images that have a disk."""

from __future__ import annotations

from typing import Any, Protocol
from unittest.mock import patch


class Wished(Protocol):
    """What is asked before moto answers. `tests.lab.ec2.Ec2` is it."""

    quotas: dict[str, int]

    def check(self, operation: str) -> None:
        """Refuse a call when a test has asked for that."""

    def imaged(self, image: Any) -> None:
        """Keep the disk of the machine that *image* is made of."""


def wishes(ec2: Wished) -> list[Any]:
    """Return the patches, not started."""
    from moto.ec2.models.amis import AmiBackend
    from moto.servicequotas.models import ServiceQuotasBackend
    from moto.sts.responses import TokenResponse

    image = AmiBackend.create_image
    who, quota = TokenResponse.get_caller_identity, ServiceQuotasBackend.get_service_quota

    def get_caller_identity(self: Any) -> Any:
        ec2.check("GetCallerIdentity")
        return who(self)

    def get_service_quota(self: Any, service_code: str, quota_code: str) -> dict[str, Any]:
        if quota_code in ec2.quotas:
            return {"QuotaCode": quota_code, "Value": ec2.quotas[quota_code]}
        return quota(self, service_code, quota_code)

    def create_image(
        self: Any, instance_id: str, name: str, description: str, tag_specifications: list[Any]
    ) -> Any:
        tags = {each["ResourceType"]: each["Tags"] for each in tag_specifications}
        own = [{"ResourceType": "image", "Tags": tags.get("image", [])}]
        made = image(self, instance_id, name, description, own)
        for tag in tags.get("snapshot", ()):  # which moto refuses to do itself
            made.ebs_snapshot.add_tag(tag["Key"], tag["Value"])
        ec2.imaged(made)
        return made

    return [
        patch.object(AmiBackend, "create_image", create_image),
        patch.object(TokenResponse, "get_caller_identity", get_caller_identity),
        patch.object(ServiceQuotasBackend, "get_service_quota", get_service_quota),
    ]
