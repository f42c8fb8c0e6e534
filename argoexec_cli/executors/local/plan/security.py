"""Who a container runs as: its own word, then the pod's, then the image's (core/v1)."""

from __future__ import annotations

from argoexec_cli.errors import InvalidError
from argoexec_cli.models.pod import Container, PodSpec
from argoexec_cli.runtime.base import Image, Security


def security_of(container: Container, spec: PodSpec, image: Image) -> Security:
    """Return the container's security. `InvalidError` when it has to run as another user than root,
    and does not.
    """
    own, pod = container.security_context, spec.security_context
    user = pod.run_as_user if own.run_as_user is None else own.run_as_user
    group = pod.run_as_group if own.run_as_group is None else own.run_as_group
    non_root = pod.run_as_non_root if own.run_as_non_root is None else own.run_as_non_root
    if non_root:
        _check_not_root(user, image)
    groups = pod.supplemental_groups + (() if pod.fs_group is None else (pod.fs_group,))
    return Security(
        user=user,
        group=group,
        groups=groups,
        read_only_root=own.read_only_root_filesystem,
        no_new_privileges=own.allow_privilege_escalation is False,
        privileged=own.privileged,
        add_capabilities=_names(own.capabilities.add),
        drop_capabilities=_names(own.capabilities.drop),
    )


def _check_not_root(user: int | None, image: Image) -> None:
    hint = "set securityContext.runAsUser to the number of another user"
    if user == 0:
        raise InvalidError("container's runAsUser breaks non-root policy", hint=hint)
    name = image.user.partition(":")[0]
    if user is not None or (name.isdecimal() and int(name)):
        return
    if name in ("", "0"):
        problem = "container has runAsNonRoot and image will run as root"
    else:
        problem = (
            "container has runAsNonRoot and image has non-numeric user"
            f" ({name}), cannot verify user is non-root"
        )
    raise InvalidError(problem, hint=hint)


def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.upper().removeprefix("CAP_") for name in names)
