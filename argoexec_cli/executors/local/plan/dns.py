"""A pod's own name and its name servers (core/v1 PodDNSConfig), as a text of resolv.conf.

There is no cluster here, so the policies ClusterFirst and Default are the same: what the host has.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

from argoexec_cli.models.pod import Pod, PodSpec
from argoexec_cli.runtime.base import Sandbox

_CLUSTER_DOMAIN: Final = "cluster.local"


def hostname_of(pod: Pod) -> str:
    """Return the pod's host name, without its domain."""
    return pod.spec.hostname or pod.metadata.name[:63].rstrip("-.")


def domain_of(pod: Pod) -> str:
    """Return the domain that a kubelet gives a pod with a subdomain; "" without one."""
    if not pod.spec.subdomain or pod.spec.host_network:
        return ""
    return f"{pod.spec.subdomain}.{pod.metadata.namespace}.svc.{_CLUSTER_DOMAIN}"


def names_of(sandbox: Sandbox) -> dict[str, str]:
    """Return /etc/hosts and /etc/hostname of a pod. What `hostname` says resolves, too, where the
    kernel knows it by another name.
    """
    spec = sandbox.spec
    names = [f"{spec.hostname}.{spec.domain}", spec.hostname] if spec.domain else [spec.hostname]
    if sandbox.hostname not in ("", spec.hostname):
        names.append(sandbox.hostname)
    known = (("127.0.0.1", ["localhost"]), ("::1", ["localhost"]), (sandbox.ip, names))
    return {
        "hosts": "".join(f"{ip}\t{' '.join(own)}\n" for ip, own in (*known, *spec.aliases)),
        "hostname": f"{spec.kernel_hostname if spec.domain else spec.hostname}\n",
    }


def resolv_conf(spec: PodSpec, usual: str) -> str:
    """Return the text for a pod, made from the *usual* one; "" when the pod wants nothing else."""
    config = spec.dns_config
    own = spec.dns_policy == "None"
    if config is None and not own:
        return ""
    servers, searches, options = ([], [], {}) if own else _read(usual)
    if config:
        servers += [server for server in config.nameservers if server not in servers]
        searches += [domain for domain in config.searches if domain not in searches]
        options |= {option.name: option.value or "" for option in config.options}
    lines = [f"nameserver {server}" for server in servers]
    if searches:
        lines.append(f"search {' '.join(searches)}")
    if options:
        words = (f"{name}:{value}" if value else name for name, value in options.items())
        lines.append(f"options {' '.join(words)}")
    return "\n".join(lines) + "\n"


def _read(text: str) -> tuple[list[str], list[str], dict[str, str]]:
    """Take a resolv.conf apart; a server on the host's loopback is out of a pod's reach."""
    servers: list[str] = []
    searches: list[str] = []
    options: dict[str, str] = {}
    for line in text.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "nameserver" and not _is_loopback(rest.strip()):
            servers.append(rest.strip())
        elif word == "search":
            searches = rest.split()
        elif word == "options":
            options |= {name: value for name, _, value in (o.partition(":") for o in rest.split())}
    return servers, searches, options


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False
