"""Object metadata, the part of Kubernetes' ObjectMeta that means something here."""

from datetime import datetime

import msgspec

from argoexec_cli.models.base import Model


class ObjectMeta(Model):
    """Source: meta/v1 ObjectMeta. `uid` and `creation_timestamp` are set by the server when they
    are empty.
    """

    name: str = ""
    generate_name: str = ""
    namespace: str = ""
    uid: str = ""
    creation_timestamp: datetime | None = None
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    annotations: dict[str, str] = msgspec.field(default_factory=dict)
