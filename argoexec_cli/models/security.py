"""Who a container runs as and what it may do. Powers beyond the usual are for policy to grant."""

from argoexec_cli.models.base import Model


class Capabilities(Model):
    """Source: core/v1 Capabilities: names without CAP_, or ALL."""

    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


class SecurityContext(Model):
    """Source: core/v1 SecurityContext. What is not set is the pod's, then the image's."""

    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_non_root: bool | None = None
    read_only_root_filesystem: bool = False
    allow_privilege_escalation: bool | None = None
    privileged: bool = False
    capabilities: Capabilities = Capabilities()


class PodSecurityContext(Model):
    """Source: core/v1 PodSecurityContext. `fs_group` owns the pod's volumes, but for hostPath."""

    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_non_root: bool | None = None
    fs_group: int | None = None
    supplemental_groups: tuple[int, ...] = ()
