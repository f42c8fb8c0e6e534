"""What is wrong with a pod's host name, ports and name servers (core/v1 validation)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final

from argoexec_cli.executors.local.plan.dns import domain_of, hostname_of
from argoexec_cli.executors.local.plan.walk import containers_at
from argoexec_cli.models.base import FieldError
from argoexec_cli.models.pod import ContainerPort, Pod, PodSpec

_LAST_PORT: Final = 65_535
_MOST_SERVERS: Final = 3
_LONGEST_HOSTNAME: Final = 64
_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DOMAIN: Final = re.compile(rf"{_LABEL.pattern}(\.{_LABEL.pattern})*")
_LONGEST_DOMAIN: Final = 253


def check_names(pod: Pod) -> None:
    """Raise `FieldError` for a host name that is none, or longer than a kernel takes."""
    spec = pod.spec
    for path, name in (("spec.hostname", spec.hostname), ("spec.subdomain", spec.subdomain)):
        if name and not _LABEL.fullmatch(name):
            raise FieldError(path, f"{name!r} is not a valid host name")
    full = f"{hostname_of(pod)}.{domain_of(pod)}"
    if spec.set_hostname_as_fqdn and domain_of(pod) and len(full) > _LONGEST_HOSTNAME:
        raise FieldError(
            "spec.setHostnameAsFQDN",
            f"{full} is too long for a host name: {len(full)} of {_LONGEST_HOSTNAME} characters",
        )


def check_network(spec: PodSpec) -> None:
    """Raise `FieldError` for the first field that is wrong."""
    taken: set[tuple[str, str, int]] = set()
    for path, port in _ports(spec):
        _check_port(port, path, spec)
        key = (port.host_ip, port.protocol, port.host_port)
        if port.host_port and key in taken:
            raise FieldError(f"{path}.hostPort", f"{port.host_port} is there twice")
        taken.add(key)
    _check_aliases(spec)
    config = spec.dns_config
    servers = config.nameservers if config else ()
    for index, server in enumerate(servers):
        if not _is_address(server):
            raise FieldError(f"spec.dnsConfig.nameservers[{index}]", f"{server!r} is no IP address")
    if len(servers) > _MOST_SERVERS:
        raise FieldError("spec.dnsConfig.nameservers", f"must not be more than {_MOST_SERVERS}")
    if spec.dns_policy == "None" and not servers:
        raise FieldError("spec.dnsConfig.nameservers", "are needed with dnsPolicy None")
    _check_words(spec)


def _check_aliases(spec: PodSpec) -> None:
    """Nothing of a pod's may add another line to /etc/hosts."""
    for index, alias in enumerate(spec.host_aliases):
        at = f"spec.hostAliases[{index}]"
        if not _is_address(alias.ip):
            raise FieldError(f"{at}.ip", f"{alias.ip!r} is no IP address")
        for number, name in enumerate(alias.hostnames):
            if len(name) > _LONGEST_DOMAIN or not _DOMAIN.fullmatch(name):
                raise FieldError(f"{at}.hostnames[{number}]", f"{name!r} is not a valid host name")


def _check_words(spec: PodSpec) -> None:
    """Nothing of a pod's may add a line to resolv.conf."""
    config = spec.dns_config
    if config is None:
        return
    words = {f"searches[{index}]": text for index, text in enumerate(config.searches)}
    for index, option in enumerate(config.options):
        words |= {f"options[{index}].name": option.name}
        if option.value:
            words |= {f"options[{index}].value": option.value}
    for path, text in words.items():
        if not text or not text.isprintable() or " " in text:
            raise FieldError(f"spec.dnsConfig.{path}", f"{text!r} is not one word")


def _check_port(port: ContainerPort, path: str, spec: PodSpec) -> None:
    if not 0 < port.container_port <= _LAST_PORT:
        raise FieldError(f"{path}.containerPort", f"must be from 1 to {_LAST_PORT}")
    if not 0 <= port.host_port <= _LAST_PORT:
        raise FieldError(f"{path}.hostPort", f"must be from 1 to {_LAST_PORT}")
    if spec.host_network and port.host_port not in (0, port.container_port):
        raise FieldError(f"{path}.hostPort", "must be the containerPort on the host's network")
    if port.host_ip and not _is_address(port.host_ip):
        raise FieldError(f"{path}.hostIP", f"{port.host_ip!r} is no IP address")


def _ports(spec: PodSpec) -> Iterator[tuple[str, ContainerPort]]:
    for path, container in containers_at(spec):
        for number, port in enumerate(container.ports):
            yield f"{path}.ports[{number}]", port


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
