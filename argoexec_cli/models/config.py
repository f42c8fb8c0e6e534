"""ConfigMaps and Secrets: they travel with the pod that refers to them by name."""

from typing import Literal

import msgspec

from argoexec_cli.models.base import Model
from argoexec_cli.models.meta import ObjectMeta


class ConfigMap(Model, kw_only=True):
    """Source: core/v1 ConfigMap. `binary_data` is base64 in JSON; a key is in one of the two."""

    api_version: Literal["v1"] = "v1"
    kind: Literal["ConfigMap"] = "ConfigMap"
    metadata: ObjectMeta = ObjectMeta()
    data: dict[str, str] = msgspec.field(default_factory=dict)
    binary_data: dict[str, bytes] = msgspec.field(default_factory=dict)
    immutable: bool = False

    @property
    def values(self) -> dict[str, bytes]:
        """Every key with its bytes."""
        return {key: text.encode() for key, text in self.data.items()} | self.binary_data


class Secret(Model, kw_only=True):
    """Source: core/v1 Secret. `data` is base64 in JSON; `string_data` wins over it. Never stored on
    a disk, and never shown.
    """

    api_version: Literal["v1"] = "v1"
    kind: Literal["Secret"] = "Secret"
    metadata: ObjectMeta = ObjectMeta()
    type: str = ""
    data: dict[str, bytes] = msgspec.field(default_factory=dict)
    string_data: dict[str, str] = msgspec.field(default_factory=dict)
    immutable: bool = False

    def __repr__(self) -> str:
        """Keep the values out of every message."""
        return f"Secret({self.metadata.name!r})"

    @property
    def values(self) -> dict[str, bytes]:
        """Every key with its bytes."""
        return self.data | {key: text.encode() for key, text in self.string_data.items()}
