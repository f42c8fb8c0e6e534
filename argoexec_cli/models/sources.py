"""Where values of variables and files of volumes come from: ConfigMaps, Secrets, the pod itself."""

import msgspec

from argoexec_cli.models.base import Model


class LocalObjectReference(Model):
    """Source: core/v1 LocalObjectReference: something else in the pod's namespace."""

    name: str = ""


class ObjectFieldSelector(Model):
    """Source: core/v1 ObjectFieldSelector: a field of the pod, such as metadata.labels['app']."""

    field_path: str
    api_version: str = ""


class ResourceFieldSelector(Model):
    """Source: core/v1 ResourceFieldSelector: `limits.cpu`, `requests.memory`, … in units of
    `divisor`, rounded up.
    """

    resource: str
    container_name: str = ""
    divisor: str | int | float = ""


class KeySelector(Model):
    """Source: core/v1 ConfigMapKeySelector and SecretKeySelector."""

    key: str
    name: str = ""
    optional: bool = False


class EnvVarSource(Model):
    """Source: core/v1 EnvVarSource. Exactly one member is set."""

    field_ref: ObjectFieldSelector | None = None
    resource_field_ref: ResourceFieldSelector | None = None
    config_map_key_ref: KeySelector | None = None
    secret_key_ref: KeySelector | None = None


class EnvSource(Model):
    """Source: core/v1 ConfigMapEnvSource and SecretEnvSource."""

    name: str = ""
    optional: bool = False


class EnvFromSource(Model):
    """Source: core/v1 EnvFromSource. Keys that are no names of variables are left out."""

    prefix: str = ""
    config_map_ref: EnvSource | None = None
    secret_ref: EnvSource | None = None


class KeyToPath(Model):
    """Source: core/v1 KeyToPath. `path` is below the mount."""

    key: str
    path: str
    mode: int | None = None


class ObjectProjection(Model):
    """Source: core/v1 ConfigMapProjection and SecretProjection. Without `items` each key is a
    file.
    """

    name: str = ""
    items: tuple[KeyToPath, ...] = ()
    optional: bool = False


class DownwardAPIVolumeFile(Model):
    """Source: core/v1 DownwardAPIVolumeFile."""

    path: str
    field_ref: ObjectFieldSelector | None = None
    resource_field_ref: ResourceFieldSelector | None = None
    mode: int | None = None


class DownwardAPIProjection(Model):
    """Source: core/v1 DownwardAPIProjection."""

    items: tuple[DownwardAPIVolumeFile, ...] = ()


class VolumeProjection(Model):
    """Source: core/v1 VolumeProjection. Exactly one member is set."""

    secret: ObjectProjection | None = None
    downward_api: DownwardAPIProjection | None = msgspec.field(default=None, name="downwardAPI")
    config_map: ObjectProjection | None = None


class ProjectedVolumeSource(Model):
    """Source: core/v1 ProjectedVolumeSource. A later source wins where paths are the same."""

    sources: tuple[VolumeProjection, ...] = ()
    default_mode: int | None = None


class ConfigMapVolumeSource(ObjectProjection):
    """Source: core/v1 ConfigMapVolumeSource."""

    default_mode: int | None = None


class SecretVolumeSource(Model):
    """Source: core/v1 SecretVolumeSource. Its files are in memory."""

    secret_name: str = ""
    items: tuple[KeyToPath, ...] = ()
    default_mode: int | None = None
    optional: bool = False


class DownwardAPIVolumeSource(DownwardAPIProjection):
    """Source: core/v1 DownwardAPIVolumeSource."""

    default_mode: int | None = None
