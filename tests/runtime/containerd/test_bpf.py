"""Compiled seccomp rules: the very bytes that crun itself comes to."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from argoexec_cli.runtime.containerd import bpf
from argoexec_cli.runtime.containerd.bpf import annotate
from argoexec_cli.runtime.containerd.seccomp import profile
from tests.engines.availability import need

# As a shim does where the host has both generations of control groups.
VIEW = ["unshare", "--mount", "--propagation", "slave", "sh", "-c"]
CREATE = """
umount /sys/fs/cgroup/unified 2>/dev/null
set -e
crun --root "$1/state" --cgroup-manager=disabled create --bundle "$1" "$2" </dev/null >/dev/null
cp "$1/state/$2/seccomp.bpf" "$1/filter"
crun --root "$1/state" --cgroup-manager=disabled delete --force "$2"
"""


def bundle(directory: Path, rules: dict[str, Any]) -> None:
    """Write what crun needs for a container with these rules."""
    subprocess.run(["crun", "spec"], cwd=directory, check=True)
    spec = json.loads((directory / "config.json").read_text())
    spec["process"]["terminal"] = False
    spec["root"] = {"path": "rootfs", "readonly": True}
    spec["linux"] = {"namespaces": spec["linux"]["namespaces"], "seccomp": rules}
    (directory / "config.json").write_text(json.dumps(spec))
    (directory / "rootfs" / "bin").mkdir(parents=True)
    shutil.copy("/bin/busybox", directory / "rootfs" / "bin" / "sh")


@pytest.mark.containerd
@pytest.mark.parametrize("capabilities", [(), ("SYS_ADMIN", "SYS_TIME")], ids=["usual", "more"])
def test_the_filter_is_the_one_that_crun_makes(
    pytestconfig: pytest.Config, tmp_path: Path, capabilities: tuple[str, ...]
) -> None:
    need(pytestconfig, "crun", "busybox", "unshare")
    rules = profile(capabilities)
    assert rules is not None
    bundle(tmp_path, rules)
    subprocess.run([*VIEW, CREATE, "sh", str(tmp_path), f"bpf-{tmp_path.name}"], check=True)
    (text,) = annotate(rules).values()
    assert base64.b64decode(text) == (tmp_path / "filter").read_bytes()


def test_without_the_library_crun_compiles_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bpf, "_LIBRARY", "no-such-library.so")
    rules = profile(("SYS_BOOT",))
    assert rules is not None
    assert annotate(rules) == {}
    assert annotate(None) == {}
