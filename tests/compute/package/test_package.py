"""What hosts install: the very code that runs, the same bytes each time, and it installs."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from argoexec_cli import __version__
from argoexec_cli.compute.package import PythonTarget, build_package
from argoexec_cli.compute.package.wheel import Wheel, build_wheel
from argoexec_cli.compute.package.wheelhouse import have_wheelhouse
from argoexec_cli.config.load import child_environment
from argoexec_cli.errors import UnavailableError
from argoexec_cli.proc import Child, run

METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: 1\n{more}\n"


def put_wheel(directory: Path, name: str, tag: str = "py3-none-any", more: str = "") -> None:
    """Write a wheel of nothing."""
    directory.mkdir(exist_ok=True)
    with zipfile.ZipFile(directory / f"{name}-1-{tag}.whl", "w") as archive:
        info = f"{name}-1.dist-info"
        archive.writestr(f"{info}/METADATA", METADATA.format(name=name, more=more))
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nTag: {tag}\n")
        archive.writestr(f"{info}/RECORD", "")


def only_from(directory: Path) -> dict[str, str]:
    """Return an environment in which pip knows no other index."""
    return child_environment(
        PIP_CONFIG_FILE=os.devnull, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(directory)
    )


@pytest.fixture(scope="module")
def wheel() -> Wheel:
    """Give the wheel of this code."""
    return build_wheel()


def test_it_holds_the_code_and_not_what_only_makers_of_hosts_need(wheel: Wheel) -> None:
    names = zipfile.ZipFile(io.BytesIO(wheel.data)).namelist()
    assert "argoexec_cli/daemon/server.py" in names
    assert "argoexec_cli/rpc/gen/argoexec/v1alpha1/executor_pb2.py" in names
    assert not [name for name in names if "_share" in name or "__pycache__" in name]
    required = {re.split("[<>=]", line)[0] for line in wheel.requirements}
    assert {"grpcio", "aiodocker", "cryptography"} <= required
    assert not {"ansible-runner", "python-terraform", "pytest"} & required
    assert wheel.file == f"argoexec-{__version__}-py3-none-any.whl"


def test_the_same_code_gives_the_same_bytes(wheel: Wheel) -> None:
    assert build_wheel() == wheel


@pytest.mark.slow
def test_it_installs_runs_and_builds_itself_again_without_the_source(
    wheel: Wheel, tmp_path: Path
) -> None:
    (tmp_path / wheel.file).write_bytes(wheel.data)
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    python = str(home / "bin/python")
    install = [python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*install, str(tmp_path / wheel.file)], check=True)
    # The libraries are this environment's; the code is what was installed.
    libraries = next(path for path in sys.path if path.endswith("site-packages"))
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": libraries, "HOME": str(tmp_path)}
    script = (
        "import sys, argoexec_cli; from argoexec_cli.compute.package.wheel import build_wheel;"
        "assert argoexec_cli.__file__.startswith(sys.prefix), argoexec_cli.__file__;"
        "sys.stdout.buffer.write(build_wheel().data)"
    )
    again = subprocess.run(
        [python, "-c", script], env=environment, capture_output=True, check=False, cwd=tmp_path
    )
    assert again.returncode == 0, again.stderr.decode()
    first, second = (zipfile.ZipFile(io.BytesIO(data)) for data in (wheel.data, again.stdout))
    code = [name for name in first.namelist() if name.startswith("argoexec_cli/")]
    assert [name for name in second.namelist() if name.startswith("argoexec_cli/")] == code
    assert all(first.read(name) == second.read(name) for name in code)
    said = subprocess.run(
        [str(home / "bin/argoexec"), "version"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert __version__ in said.stdout


async def test_a_package_has_its_contents_name_and_older_ones_go(tmp_path: Path) -> None:
    package = await build_package(tmp_path, child_environment())
    assert not package.complete
    assert package.identity in package.archive.name
    stale = package.archive.with_name("argoexec-slim-0.run")
    stale.write_text("")
    assert await build_package(tmp_path, child_environment()) == package
    assert not stale.exists()


async def test_a_package_unpacks_itself(wheel: Wheel, tmp_path: Path) -> None:
    package = await build_package(tmp_path / "cache", child_environment())
    target = tmp_path / "a place"
    await run(Child(["sh", str(package.archive), str(target / "wheels")], 60.0))
    (unpacked,) = target.glob("*/*")
    assert (unpacked.name, unpacked.read_bytes()) == (wheel.file, wheel.data)
    assert unpacked.stat().st_mode & 0o777 == 0o644


async def test_a_wheelhouse_is_for_the_hosts_python_and_fetched_once(tmp_path: Path) -> None:
    index = tmp_path / "index"
    put_wheel(index, "outer", more="Requires-Dist: inner\n")
    put_wheel(index, "inner", tag="cp312-cp312-manylinux_2_28_aarch64")
    put_wheel(index, "inner", tag="cp311-cp311-manylinux_2_17_x86_64")
    target = PythonTarget("3.12", "aarch64")
    house = await have_wheelhouse(tmp_path, ("outer",), target, only_from(index))
    assert sorted(path.name for path in house.iterdir()) == [
        "inner-1-cp312-cp312-manylinux_2_28_aarch64.whl",
        "outer-1-py3-none-any.whl",
    ]
    again = await have_wheelhouse(tmp_path, ("outer",), target, only_from(tmp_path / "none"))
    assert again == house


async def test_an_index_that_does_not_deliver_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"Python 3\.11 on x86_64 cannot be fetched") as e:
        await have_wheelhouse(tmp_path, ("outer",), PythonTarget(), only_from(tmp_path / "none"))
    assert "outer" in e.value.message
    assert not list((tmp_path / "wheelhouse").iterdir())
