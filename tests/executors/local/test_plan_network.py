"""Name servers as a text, and the class of service."""

from __future__ import annotations

from typing import Any

import pytest

from argoexec_cli.errors import InvalidError
from argoexec_cli.executors.local.plan.dns import resolv_conf
from argoexec_cli.executors.local.plan.network_checks import check_network
from argoexec_cli.executors.local.plan.qos import qos_class
from argoexec_cli.models.base import decode
from argoexec_cli.models.pod import PodSpec

USUAL = "# comment\nnameserver 127.0.0.53\nnameserver 10.0.0.2\nsearch a b\noptions ndots:5 edns0\n"


def spec(*resources: dict[str, Any], **fields: Any) -> PodSpec:
    containers = [
        {"name": f"c{number}", "image": "i", "resources": one}
        for number, one in enumerate(resources or ({},))
    ]
    return decode({"containers": containers} | fields, PodSpec)


def test_who_wants_nothing_gets_nothing_of_ours() -> None:
    assert resolv_conf(spec(), USUAL) == ""
    assert resolv_conf(spec(dnsPolicy="ClusterFirst"), USUAL) == ""


def test_a_config_is_added_to_what_the_host_has() -> None:
    config = {
        "nameservers": ["10.0.0.2", "10.0.0.3"],
        "searches": ["b", "c"],
        "options": [{"name": "ndots", "value": "1"}, {"name": "rotate"}],
    }
    assert resolv_conf(spec(dnsConfig=config), USUAL) == (
        "nameserver 10.0.0.2\nnameserver 10.0.0.3\nsearch a b c\noptions ndots:1 edns0 rotate\n"
    )
    assert resolv_conf(spec(dnsPolicy="None", dnsConfig={"nameservers": ["10.0.0.9"]}), USUAL) == (
        "nameserver 10.0.0.9\n"
    )


@pytest.mark.parametrize(
    "config",
    [
        {"searches": ["a\nnameserver 10.6.6.6"]},
        {"options": [{"name": "a b"}]},
        {"options": [{"name": "a", "value": "1\n"}]},
        {"nameservers": ["10.0.0.1"] * 4},
    ],
)
def test_nothing_adds_a_line_of_its_own(config: dict[str, Any]) -> None:
    with pytest.raises(InvalidError, match=r"spec\.dnsConfig\."):
        check_network(spec(dnsConfig=config))


@pytest.mark.parametrize(
    ("alias", "path"),
    [
        ({"ip": "nonsense"}, r"ip: 'nonsense' is no IP address"),
        ({"ip": "10.0.0.1", "hostnames": ["a", "b\n10.6.6.6 a"]}, r"hostnames\[1\]: "),
        ({"ip": "10.0.0.1", "hostnames": ["under_score"]}, r"hostnames\[0\]: "),
        ({"ip": "10.0.0.1", "hostnames": [f"{'a' * 63}.{'b' * 63}." * 2]}, r"hostnames\[0\]: "),
    ],
)
def test_an_alias_is_one_address_and_names(alias: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidError, match=rf"spec\.hostAliases\[0\]\.{path}"):
        check_network(spec(hostAliases=[alias]))
    check_network(spec(hostAliases=[{"ip": "fe80::1", "hostnames": ["a.b-c.example", "x"]}]))


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        (({},), "BestEffort"),
        (({"limits": {"cpu": 0}},), "BestEffort"),
        (({"limits": {"cpu": 1, "memory": "1Gi"}},), "Guaranteed"),
        (({"limits": {"cpu": 1, "memory": "1Gi"}, "requests": {"cpu": "1000m"}},), "Guaranteed"),
        (({"limits": {"cpu": 1, "memory": "1Gi"}, "requests": {"cpu": "1m"}},), "Burstable"),
        (({"limits": {"cpu": 1, "memory": "1Gi"}}, {}), "Burstable"),
        (({"requests": {"memory": "1Mi"}},), "Burstable"),
    ],
)
def test_the_class_of_service(resources: tuple[dict[str, Any], ...], expected: str) -> None:
    assert qos_class(spec(*resources)) == expected
