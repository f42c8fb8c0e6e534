"""`argoexec context`, and reaching a daemon with mTLS through one."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from argoexec_cli.compute.trust import ensure_client, ensure_host, open_trust
from argoexec_cli.config.contexts import put_context
from argoexec_cli.config.settings import Context
from argoexec_cli.models.connection import Tls
from argoexec_cli.models.roles import Role
from tests.cli.conftest import ARGOEXEC, Cli


def test_contexts_are_listed_used_and_deleted(alone: Cli) -> None:
    assert alone("context").err.startswith("no context is in ")
    put_context(alone.home / "config.yaml", Context(name="a", server="h:1"))
    put_context(alone.home / "config.yaml", Context(name="b", server="unix:///b"))
    assert alone("context", "use", "b").code == 0
    assert alone("context", "list").out.splitlines() == [
        "CURRENT   NAME   SERVER      SECURITY   VIA",
        "          a      h:1         none",
        "*         b      unix:///b   socket",
    ]
    listed = json.loads(alone("context", "-o", "json").out)
    assert listed == [
        {"name": "a", "server": "h:1", "current": False},
        {"name": "b", "server": "unix:///b", "current": True},
    ]
    assert alone("context", "delete", "b").code == 0
    assert [each["name"] for each in json.loads(alone("context", "-o", "json").out)] == ["a"]


def test_a_fleet_takes_no_context_that_is_of_no_fleet(alone: Cli) -> None:
    wanted = ("provision", "a", "--host", "10.9.9.9", "--plan")
    assert alone(*wanted).code == 0
    put_context(alone.home / "config.yaml", Context(name="a/0", server="h:1"))
    refused = alone(*wanted)
    assert (refused.code, "error: there is a context a/0" in refused.err) == (2, True)
    # Its own, of a record that was lost, is no obstacle.
    tls = Tls(ca=str(alone.home / "fleets/a/trust/ca.crt"))
    put_context(alone.home / "config.yaml", Context(name="a/0", server="h:1", tls=tls))
    assert alone(*wanted).code == 0


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["use"], 2, "a NAME is missing"),
        (["use", "none"], 3, "has no context 'none'"),
        (["delete", "none"], 3, "has no context 'none'"),
        (["rename"], 2, "rename"),
    ],
)
def test_mistakes(words: list[str], code: int, text: str, alone: Cli) -> None:
    outcome = alone("context", *words)
    assert outcome.code == code
    assert text in outcome.err


def test_a_daemon_with_mtls_is_reached_by_a_context_with_the_rights_of_its_role(
    short_tmp: Path,
) -> None:
    trust = open_trust(short_tmp / "trust", "lab")
    files = ensure_host(trust, "here", ["127.0.0.1"])
    config = short_tmp / "config.yaml"
    config.write_text(
        "serve:\n"
        "  listen: ['127.0.0.1:0']\n"
        f"  tls: {{cert: {files}/tls.crt, key: {files}/tls.key, clientCa: {files}/ca.crt}}\n"
        f"  leaseFile: {short_tmp}/renewed\n"
    )
    where = ("--data-dir", str(short_tmp / "d"), "--socket", str(short_tmp / "s"))
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/none", "ARGOEXEC_CONFIG": str(config)}
    start = (*ARGOEXEC, "serve", "--detach", "--runtime", "fake", *where)
    started = subprocess.run(
        start, env=environment, check=True, capture_output=True, text=True, timeout=60
    )
    try:
        found = re.search(r"127\.0\.0\.1:\d+", started.stderr)
        assert found is not None
        cli = Cli(short_tmp, "")
        for role in (Role.READ, Role.SUBMIT):
            tls = ensure_client(trust, role)
            name = role.name.lower()
            put_context(config, Context(name=name, server=found[0], tls=tls), current=True)
        assert cli("list").code == 0
        assert (short_tmp / "renewed").exists()
        assert cli.pod("hello", "out hello").code == 0
        denied = cli.pod("again", "out hello", "--context", "read")
        assert denied.code == 6
        assert "has the role read; " in denied.err
        assert "hint: choose a context with more rights" in denied.err
        blind = cli("list", "--server", found[0])
        assert blind.code == 6
        assert "speaks TLS only" in blind.err
        assert "ssl_transport_security" not in blind.err
    finally:
        stop = (*ARGOEXEC, "serve", "--stop", *where)
        subprocess.run(stop, env=environment, check=True, capture_output=True, timeout=60)
