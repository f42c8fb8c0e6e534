"""Ports of the host in cases."""

from __future__ import annotations

import socket

from argoexec_cli.conformance.load import all_cases
from argoexec_cli.conformance.ports import is_free, unused_port, with_free_ports


def test_each_run_of_a_case_has_ports_of_its_own() -> None:
    cases = [case for case in all_cases() if case.connects]
    assert cases
    for case in cases:
        runs = [with_free_ports(case) for _ in range(2)]
        places = []
        for run in runs:
            (step,) = [step for step in run.steps if step.do == "connect"]
            containers = run.pod["spec"]["containers"]
            assert step.port in [p["hostPort"] for c in containers for p in c.get("ports", [])]
            places.append(step.port)
        assert places[0] != places[1]


def test_a_port_where_somebody_listens_is_not_free() -> None:
    port = unused_port()
    assert is_free(port)
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)
