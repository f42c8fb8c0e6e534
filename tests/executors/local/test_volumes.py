"""A pod's directories appear whole, once, and go."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from argoexec_cli.errors import CapacityError, InvalidError
from argoexec_cli.executors.local.plan.acceptance import accept
from argoexec_cli.executors.local.plan.sources import sources_of
from argoexec_cli.executors.local.plan.spec import sandbox_spec
from argoexec_cli.executors.local.volumes import PodDirectories
from argoexec_cli.models.base import decode
from argoexec_cli.models.config import ConfigMap, Secret
from argoexec_cli.models.meta import ObjectMeta
from argoexec_cli.models.pod import Pod, Volume
from argoexec_cli.models.record import File, PodRequest
from argoexec_cli.runtime.base import Sandbox
from tests.executors.local.small_disk import SmallDisk
from tests.executors.pods import request


def wanted(*files: File) -> PodRequest:
    """Return a request with the volume `v` and files in it."""
    made = accept(request(uid="uid"))
    spec = msgspec.structs.replace(made.pod.spec, volumes=(Volume(name="v"),))
    return PodRequest(pod=msgspec.structs.replace(made.pod, spec=spec), files=files)


async def test_what_containers_made_of_it_is_left_alone(tmp_path: Path) -> None:
    directories = PodDirectories(tmp_path)
    one = wanted(File(volume="v", path="d/a", content="1\r\n", mode=0o700))
    volume = (await directories.prepare(one, sources_of(one, {})))["v"]
    assert (volume / "d/a").read_bytes() == b"1\r\n"
    assert volume.stat().st_mode & 0o777 == 0o777
    outside = tmp_path / "outside"
    outside.mkdir()
    (volume / "d/a").unlink()
    (volume / "d").rmdir()
    (volume / "d").symlink_to(outside)
    await directories.prepare(one, sources_of(one, {}))
    assert not list(outside.iterdir()), "a link of the task led out of its volume"
    await directories.remove("uid")
    await directories.remove("uid")
    assert not volume.exists()
    assert outside.exists()


async def test_what_is_mounted_into_a_read_only_volume_has_its_place(tmp_path: Path) -> None:
    mounts = [
        {"name": "v", "mountPath": "/c/deep/er"},
        {"name": "sec", "mountPath": "/c/token", "subPath": "token"},
        {"name": "sec", "mountPath": "/c/all"},
        {"name": "c", "mountPath": "/c"},
        {"name": "v", "mountPath": "/v"},
    ]
    main = {"name": "main", "image": "i", "volumeMounts": mounts}
    volumes = [
        {"name": "v"},
        {"name": "c", "configMap": {"name": "cm"}},
        {"name": "sec", "secret": {"secretName": "sec"}},
    ]
    spec = {"containers": [main | {"terminationMessagePath": "/c/why"}], "volumes": volumes}
    pod = decode({"metadata": {"name": "a", "uid": "uid"}, "spec": spec}, Pod)
    one = accept(
        PodRequest(
            pod=pod,
            config_maps=(ConfigMap(metadata=ObjectMeta(name="cm"), data={"text": "t"}),),
            secrets=(Secret(metadata=ObjectMeta(name="sec"), data={"token": b"s"}),),
        )
    )
    directories = PodDirectories(tmp_path)
    made = await directories.prepare(one, sources_of(one, {}))
    found = {str(path.relative_to(made["c"])): path.is_file() for path in made["c"].rglob("*")}
    assert found == {
        "text": True,
        "token": True,
        "all": False,
        "why": True,
        "deep": False,
        "deep/er": False,
    }
    assert list(made["v"].iterdir()) == []
    await directories.remove("uid")


async def test_a_full_disk_leaves_nothing_half_made(small_disk: SmallDisk) -> None:
    directories = PodDirectories(small_disk.path / "pods")
    one = wanted(File(volume="v", path="a", content="x" * 500_000))
    with pytest.raises(CapacityError, match="No space left") as caught:
        await directories.prepare(one, sources_of(one, {}))
    assert caught.value.hint == f"free some space: df -h {small_disk.path}/pods"
    small_disk.grow()
    volume = (await directories.prepare(one, sources_of(one, {})))["v"]
    assert (volume / "a").stat().st_size == 500_000


async def test_files_in_each_others_way(tmp_path: Path) -> None:
    files = (File(volume="v", path="a", content=""), File(volume="v", path="a/b", content=""))
    with pytest.raises(InvalidError, match="cannot make the pod's files"):
        one = wanted(*files)
        await PodDirectories(tmp_path).prepare(one, sources_of(one, {}))


async def test_the_files_of_a_network(tmp_path: Path) -> None:
    directories = PodDirectories(tmp_path)
    pod = wanted().pod
    spec = sandbox_spec(pod)
    assert await directories.network_files(pod.spec, Sandbox(spec=spec)) == ()
    lent = Sandbox(spec=spec, ip="10.0.0.7", resolv_conf="nameserver 10.0.0.1\n")
    mounts = {
        mount.target: Path(mount.source)
        for mount in await directories.network_files(pod.spec, lent)
    }
    assert mounts["/etc/resolv.conf"].read_text() == "nameserver 10.0.0.1\n"
    assert mounts["/etc/hostname"].read_text() == "a\n"
    assert "10.0.0.7\ta" in mounts["/etc/hosts"].read_text().splitlines()
    named = msgspec.structs.replace(lent, hostname="lent")
    mounts = {
        mount.target: Path(mount.source)
        for mount in await directories.network_files(pod.spec, named)
    }
    assert mounts["/etc/hostname"].read_text() == "a\n"
    assert "10.0.0.7\ta lent" in mounts["/etc/hosts"].read_text().splitlines()
