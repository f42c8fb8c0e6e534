"""Terraform's JSON lines, recorded from Terraform 1.11 with provider 3.39."""

from __future__ import annotations

import json
from pathlib import Path

from argoexec_cli.compute.events import Step
from argoexec_cli.compute.terraform.stream import Stream, host_of

RECORDED = Path(__file__).with_name("recorded")


def read(data: bytes, size: int = 1000) -> tuple[Stream, list[Step]]:
    """Feed *data* in pieces that respect no line."""
    steps: list[Step] = []
    stream = Stream(steps.append)
    for start in range(0, len(data), size):
        stream.feed(data[start : start + size])
    stream.close()
    return stream, steps


def test_a_plan_says_what_happens_to_which_host() -> None:
    stream, _ = read((RECORDED / "plan.jsonl").read_bytes())
    changes = {change.address: change for change in stream.changes}
    host = changes['module.fleet.aws_instance.host["lab-0"]']
    assert (host.host, host.action, host.kind) == ("lab-0", "create", "aws_instance")
    assert changes["module.fleet.aws_security_group.this"].host == ""
    assert {change.action for change in stream.changes} == {"create"}
    assert stream.errors == []


def test_a_plan_is_in_order_however_it_comes() -> None:
    addresses = [f'module.fleet.aws_instance.host["lab-{n}"]' for n in (0, 2, 10)]
    addresses.append("module.fleet.aws_security_group.this")
    lines = [
        json.dumps(
            {
                "type": "planned_change",
                "change": {"action": "create", "resource": {"addr": address}},
            }
        )
        for address in reversed(addresses)
    ]
    stream, _ = read("\n".join(lines).encode())
    assert [change.address for change in stream.changes] == addresses


def test_an_apply_tells_every_beginning_and_end() -> None:
    _, steps = read((RECORDED / "apply.jsonl").read_bytes(), size=7)
    host = [(step.action, step.state) for step in steps if step.subject == "lab-0"]
    assert host[0] == ("create the instance", "started")
    assert host[-1] == ("create the instance", "done")
    waits = [step.detail for step in steps if step.state == "waiting" and step.subject == "lab-0"]
    assert waits[:1] == ["10 s so far"]
    started = [(step.subject, step.action) for step in steps if step.state == "started"]
    ended = [(step.subject, step.action) for step in steps if step.state == "done"]
    assert sorted(started) == sorted(ended)
    assert ("aws_key_pair.this", "create") in started


def test_what_is_no_event_is_passed_over() -> None:
    lines = [b"", b"not json", b"[1]", b'{"type": "new_in_2030"}', b'{"type": "apply_start"}']
    stream, steps = read(b"\n".join(lines))
    assert stream.changes == []
    assert [step.subject for step in steps] == [""]


def test_a_line_without_an_end_counts() -> None:
    event = {
        "type": "diagnostic",
        "diagnostic": {
            "severity": "error",
            "summary": "creating EC2 Instance",
            "detail": "NoRoom:\n  none",
            "address": "module.fleet.aws_vpc.this[0]",
        },
    }
    stream, _ = read(json.dumps(event).encode())
    (error,) = stream.errors
    assert error.text == "creating EC2 Instance NoRoom: none"
    assert error.address == "aws_vpc.this[0]"


def test_warnings_are_no_errors() -> None:
    event = {"type": "diagnostic", "diagnostic": {"severity": "warning", "summary": "old"}}
    assert read(json.dumps(event).encode())[0].errors == []


def test_hosts_are_told_by_their_address() -> None:
    assert host_of('module.fleet.aws_instance.host["lab-0"]') == "lab-0"
    assert host_of('module.fleet.aws_spot_instance_request.host["lab-1"]') == "lab-1"
    assert host_of('module.fleet.aws_ec2_tag.spot["lab-1 Name"]') == ""
    assert host_of("module.fleet.data.aws_region.current") == ""
