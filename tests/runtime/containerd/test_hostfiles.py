"""On the host's network a container has the host's names, and no way to change the host's."""

from __future__ import annotations

from pathlib import Path

import msgspec

from argoexec_cli.errors import StartError
from argoexec_cli.runtime.base import Mount, Sandbox
from argoexec_cli.runtime.containerd.containers import _not_started
from argoexec_cli.runtime.containerd.hostfiles import host_files
from tests.runtime.containerd.test_oci import SANDBOX, SPEC


def test_the_files_are_copies(tmp_path: Path) -> None:
    sandbox = msgspec.structs.replace(
        SANDBOX, host_network=True, aliases=(("10.0.0.9", ("db", "db.lab")),)
    )
    spec = msgspec.structs.replace(SPEC, sandbox=Sandbox(spec=sandbox))
    files = {one.target: Path(one.source) for one in host_files(spec, tmp_path / "c")}
    for target, copy in files.items():
        assert copy.parent == tmp_path / "c"
        assert copy.stat().st_mode & 0o777 == 0o644
        assert copy.read_text().startswith(Path(target).read_text().rstrip("\n"))
    assert "/etc/hosts" in files
    assert ("/etc/resolv.conf" in files) == Path("/etc/resolv.conf").exists()
    assert files["/etc/hosts"].read_text().endswith("10.0.0.9\tdb db.lab\n")


def test_the_pods_own_file_comes_first(tmp_path: Path) -> None:
    sandbox = Sandbox(spec=msgspec.structs.replace(SANDBOX, host_network=True))
    own = (Mount(source="/x", target="/etc/hosts"), Mount(source="/y", target="/etc/resolv.conf"))
    assert host_files(msgspec.structs.replace(SPEC, sandbox=sandbox, mounts=own), tmp_path) == ()
    assert host_files(SPEC, tmp_path) == ()


def test_what_cannot_start_is_named_without_its_arguments() -> None:
    spec = msgspec.structs.replace(SPEC, command=("/no/such",), args=("--password=hush",))
    told = _not_started(spec, StartError("not found", hint="look"))
    assert (told.message, told.hint) == ("/no/such: not found", "look")
