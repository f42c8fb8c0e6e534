"""What is wrong with who a pod's containers are to run as (core/v1 validation).

A number that no kernel takes is refused here: cut to 32 bits it would be somebody else, perhaps
root.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from argoexec_cli.executors.local.plan.walk import containers_at
from argoexec_cli.models.base import FieldError
from argoexec_cli.models.pod import PodSpec

_LARGEST: Final = 2**31 - 1


def check_identity(spec: PodSpec) -> None:
    """Raise `FieldError` for the first field that is wrong."""
    for path, number in _numbers(spec):
        if number is not None and not 0 <= number <= _LARGEST:
            raise FieldError(path, f"must be from 0 to {_LARGEST}")
    for path, container in containers_at(spec):
        security = container.security_context
        if security.privileged and security.allow_privilege_escalation is False:
            at = f"{path}.securityContext.allowPrivilegeEscalation"
            raise FieldError(at, "cannot be false in a privileged container")


def _numbers(spec: PodSpec) -> Iterator[tuple[str, int | None]]:
    pod, at = spec.security_context, "spec.securityContext"
    yield f"{at}.runAsUser", pod.run_as_user
    yield f"{at}.runAsGroup", pod.run_as_group
    yield f"{at}.fsGroup", pod.fs_group
    for index, group in enumerate(pod.supplemental_groups):
        yield f"{at}.supplementalGroups[{index}]", group
    for path, container in containers_at(spec):
        yield f"{path}.securityContext.runAsUser", container.security_context.run_as_user
        yield f"{path}.securityContext.runAsGroup", container.security_context.run_as_group
