"""What pods may ask of the host beyond the usual. Nothing, unless the operator says so."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Final

import msgspec

from argoexec_cli.errors import DeniedError
from argoexec_cli.executors.local.plan.walk import containers_at
from argoexec_cli.models.base import UnknownFieldError
from argoexec_cli.models.pod import Container, PodSpec
from argoexec_cli.runtime.base import Capabilities

USUAL_CAPABILITIES: Final = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "NET_RAW",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
"""What a container has anyway, so that asking for it needs nobody's consent."""


_NO_POD_WISHES: Final = PodSpec(containers=()).security_context
_NO_WISHES: Final = Container(name="", image="").security_context


class Policy(msgspec.Struct, frozen=True):
    """What is granted. `capabilities` are names without CAP_; `host_paths` are directories of the
    host below which everything may be mounted, but through no link. With `images`, patterns of
    names, no others are run; a pattern may leave out what is left out in a name.
    """

    privileged: bool = False
    host_network: bool = False
    capabilities: frozenset[str] = frozenset()
    host_paths: tuple[str, ...] = ()
    images: tuple[str, ...] = ()

    @property
    def granted(self) -> tuple[str, ...]:
        """What is granted, in the words of `ExecutorInfo.granted`."""
        flags = {"privileged": self.privileged, "host-network": self.host_network}
        return (
            *(name for name, granted in flags.items() if granted),
            *(f"capability:{name}" for name in sorted(self.capabilities)),
            *(f"host-path:{path}" for path in self.host_paths),
            *(f"image:{pattern}" for pattern in self.images),
        )


def check_policy(spec: PodSpec, policy: Policy) -> None:
    """Raise `DeniedError` for the first field that asks for more than *policy* grants."""
    if spec.host_network and not policy.host_network:
        raise _denied("spec.hostNetwork", "--allow-host-network")
    for index, volume in enumerate(spec.volumes):
        if volume.host_path and not _is_below(volume.host_path.path, policy.host_paths):
            raise _denied(
                f"spec.volumes[{index}].hostPath", f"--allow-host-path {volume.host_path.path}"
            )
    for path, container in containers_at(spec):
        security = container.security_context
        if security.privileged and not policy.privileged:
            raise _denied(f"{path}.securityContext.privileged", "--allow-privileged")
        granted = USUAL_CAPABILITIES | policy.capabilities
        for name in security.capabilities.add:
            if capability(name) not in granted:
                raise _denied(
                    f"{path}.securityContext.capabilities.add ({name})",
                    f"--allow-capability {capability(name)}",
                )
        if policy.images and not _is_allowed(container.image, policy.images):
            raise _denied(f"{path}.image ({container.image})", f"--allow-image {container.image}")


def check_powers(spec: PodSpec, runtime: Capabilities) -> None:
    """Raise `UnsupportedFieldError` for the first field that *runtime* would not honour: ignoring
    it could run a task with more rights than it was given.
    """
    if field := next(_unhonoured(spec, runtime), ""):
        raise UnknownFieldError(field, hint=f"{runtime.name} does not honour it yet")
    if runtime.security:
        return
    asked = {
        "spec.hostNetwork": spec.host_network,
        "spec.shareProcessNamespace": spec.share_process_namespace,
        "spec.hostAliases": bool(spec.host_aliases),
        "spec.securityContext": spec.security_context != _NO_POD_WISHES,
    }
    for path, container in containers_at(spec):
        asked[f"{path}.securityContext"] = container.security_context != _NO_WISHES
    if field := next((path for path, wanted in asked.items() if wanted), ""):
        raise UnknownFieldError(
            field, hint=f"{runtime.name} does not honour it yet: argoexec serve --runtime docker"
        )


def _unhonoured(spec: PodSpec, runtime: Capabilities) -> Iterator[str]:
    """Yield the fields about ports and terminals that *runtime* would not honour."""
    for path, container in containers_at(spec):
        published = any(port.host_port for port in container.ports)
        if published and not spec.host_network and not runtime.ports:
            yield f"{path}.ports[].hostPort"
        if (container.stdin or container.tty) and not runtime.terminal:
            yield f"{path}.{'tty' if container.tty else 'stdin'}"


def capability(name: str) -> str:
    """Return a capability's name without CAP_, in capitals."""
    return name.upper().removeprefix("CAP_")


def _is_below(path: str, granted: tuple[str, ...]) -> bool:
    return any(PurePosixPath(path).is_relative_to(directory) for directory in granted)


def _is_allowed(image: str, patterns: tuple[str, ...]) -> bool:
    names = (image, _full_name(image))
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _full_name(image: str) -> str:
    """Return an image's name with the registry and repository that Docker would add."""
    first, slash, _ = image.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return image
    return f"docker.io/{image}" if slash else f"docker.io/library/{image}"


def _denied(field: str, flag: str) -> DeniedError:
    return DeniedError(
        f"{field} is not allowed by this executor's policy",
        hint=f"do without it, or have its operator allow it: argoexec serve {flag}",
    )
