"""What a daemon grants: by flags, by the config file, and as its clients see it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from argoexec_cli.cli.grants import Grants, policy_of
from argoexec_cli.config.settings import Allow
from argoexec_cli.errors import InvalidError
from tests.cli.conftest import ARGOEXEC, Cli

PRIVILEGED = """\
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
  - {name: main, image: busybox, command: ["true"], securityContext: {privileged: true}}
"""


@pytest.fixture
def granting(short_tmp: Path) -> Iterator[Cli]:
    """Give the command line of a daemon whose file grants a path and whose flags grant more."""
    cli = Cli(short_tmp, f"unix://{short_tmp}/s")
    (short_tmp / "config.yaml").write_text("serve: {allow: {hostPaths: [/srv], images: ['busy*']}}")
    where = ["--data-dir", str(short_tmp / "data"), "--socket", str(short_tmp / "s")]
    environment = {"PATH": "/usr/bin:/bin", **cli.environment}
    start = ["serve", "--detach", "--runtime", "fake", "--allow-privileged", *where]
    subprocess.run([*ARGOEXEC, *start], env=environment, check=True, capture_output=True)
    yield cli
    subprocess.run([*ARGOEXEC, "serve", "--stop", *where], env=environment, check=True)


def test_a_denial_names_the_flag(cli: Cli) -> None:
    done = cli("submit", "-", stdin=PRIVILEGED)
    assert done.code == 6
    assert "spec.containers[0].securityContext.privileged is not allowed" in done.err
    assert "argoexec serve --allow-privileged" in done.err


def test_what_is_granted_runs_and_is_shown(granting: Cli) -> None:
    done = granting("submit", "-", "--wait", stdin=PRIVILEGED)
    assert done.code == 0, done.err
    findings = {one["check"]: one for one in json.loads(granting("doctor", "-o", "json").out)}
    assert findings["policy"]["found"] == "pods may have: privileged, host-path:/srv, image:busy*"
    done = granting("submit", "-", stdin=PRIVILEGED.replace("busybox", "alpine"))
    assert (done.code, "--allow-image alpine" in done.err) == (6, True)


def test_flags_and_file_grant_together() -> None:
    grants = Grants(allow_capability=["cap_sys_ptrace"], allow_host_path=["/srv/data/"])
    policy = policy_of(grants, Allow(capabilities=("NET_ADMIN",), host_network=True))
    assert policy.granted == (
        "host-network",
        "capability:NET_ADMIN",
        "capability:SYS_PTRACE",
        "host-path:/srv/data",
    )
    assert policy_of(Grants(), Allow()).granted == ()


@pytest.mark.parametrize(
    "grants", [Grants(allow_host_path=["data"]), Grants(allow_capability=["SYS PTRACE"])]
)
def test_what_cannot_be_granted_is_refused(grants: Grants) -> None:
    with pytest.raises(InvalidError, match="is not"):
        policy_of(grants, Allow())
