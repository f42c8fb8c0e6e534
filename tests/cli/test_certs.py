"""`argoexec certs`, and what doctor says of certificates."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from argoexec_cli.compute.trust import Validity, ensure_client, ensure_host, open_trust
from argoexec_cli.config.contexts import put_context
from argoexec_cli.config.settings import Context
from tests.cli.conftest import Cli


def fleet(cli: Cli, name: str, life: timedelta, age: timedelta = timedelta()) -> None:
    """Make a fleet's certificates and a context that uses them."""
    start = datetime.now(UTC) - age
    trust = open_trust(cli.home / name, name, Validity(life, start))
    ensure_host(trust, f"{name}-0", ["10.0.0.1"])
    context = Context(name=f"{name}/0", server="10.0.0.1:7401", tls=ensure_client(trust))
    put_context(cli.home / "config.yaml", context)


def test_certificates_are_shown_with_the_time_that_is_left(alone: Cli) -> None:
    assert alone("certs").err.startswith("no context uses certificates")
    fleet(alone, "lab", timedelta(days=90, hours=1))
    fleet(alone, "old", timedelta(days=90), timedelta(days=91))
    shown = alone("certs").out.splitlines()
    assert shown[0].split() == ["CERTIFICATE", "SUBJECT", "ROLE", "EXPIRES", "LEFT", "FILE"]
    by_name = {line[: line.index("  ")]: line for line in shown[1:]}
    assert sorted(by_name) == [
        "authority of lab",
        "authority of old",
        "client of lab",
        "client of old",
        "host lab-0",
        "host old-0",
    ]
    assert " admin " in by_name["client of lab"]
    assert " 90d " in by_name["client of lab"]
    assert " expired, due " in by_name["host old-0"]
    only = json.loads(alone("certs", "show", "lab", "-o", "json").out)
    assert [each["owner"] for each in only] == ["client of lab", "authority of lab", "host lab-0"]
    assert only[2]["names"] == ["10.0.0.1"]


def test_a_file_that_is_gone_is_named(alone: Cli) -> None:
    fleet(alone, "lab", timedelta(days=90))
    Path(alone.home / "lab/clients/admin/tls.crt").unlink()
    assert "no such certificate" in alone("certs").out


def test_doctor_warns_before_and_after_they_expire(alone: Cli) -> None:
    fleet(alone, "good", timedelta(days=90))
    fleet(alone, "due", timedelta(days=90), timedelta(days=70))
    fleet(alone, "late", timedelta(days=90), timedelta(days=91))
    findings = json.loads(alone("doctor", "-o", "json").out)
    states = {
        each["found"].partition(":")[0]: each["state"]
        for each in findings
        if each["check"] == "certificate"
    }
    assert states["client of good"] == "ok"
    assert states["client of due"] == "note"
    assert states["client of late"] == "wrong"
    fixes = {each.get("fix") for each in findings if each["state"] != "ok"}
    assert "argoexec certs rotate FLEET" in fixes


def test_only_a_fleet_that_is_there_is_rotated(alone: Cli) -> None:
    outcome = alone("certs", "rotate")
    assert outcome.code == 2
    assert "a FLEET is missing" in outcome.err
    outcome = alone("certs", "rotate", "none")
    assert outcome.code == 3
    assert "there is no fleet 'none'" in outcome.err
