"""The programs that make networks: run in order, undone in reverse, told what came before."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from argoexec_cli.errors import CapacityError, PreconditionError, UnavailableError
from argoexec_cli.runtime.base import Port
from argoexec_cli.runtime.containerd.cni import Attachment, Cni, addresses, name_servers

# Notes how it is called, and answers with an address that tells how many came before it.
PLUGIN = """#!/bin/sh
config=$(cat)
echo "$CNI_COMMAND $0 $CNI_CONTAINERID $CNI_NETNS $CNI_IFNAME $config" >>"$(dirname "$0")/calls"
case $config in *'"fail":true'*)
  echo '{"code": 11, "msg": "no address", "details": "all taken"}'; exit 1;;
esac
[ "$CNI_COMMAND" = DEL ] || echo '{"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.9/24"}],
  "dns": {"nameservers": ["10.0.0.1"], "search": ["a", "b"]}}'
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A directory with two programs, `first` and `second`."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for name in ("first", "second"):
        program = directory / name
        program.write_text(PLUGIN)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return directory


def cni(tmp_path: Path, programs: Path, *plugins: dict[str, Any]) -> Cni:
    """Describe a network of *plugins*."""
    conf = tmp_path / "net.d"
    conf.mkdir()
    network = {"name": "pods", "cniVersion": "1.0.0", "plugins": plugins}
    (conf / "10-pods.conflist").write_text(json.dumps(network))
    (conf / "05-broken.conflist").write_text("{")
    (conf / "00-readme.txt").write_text("not a network")
    return Cni(str(conf), (str(tmp_path / "none"), str(programs)))


def calls(programs: Path) -> list[list[str]]:
    """Return how the programs were called, word by word; the last is their configuration."""
    lines = (programs / "calls").read_text().splitlines()
    return [line.split(" ", 5) for line in lines]


async def test_steps_are_done_in_order_and_undone_in_reverse(
    tmp_path: Path, programs: Path
) -> None:
    network = cni(tmp_path, programs, {"type": "first"}, {"type": "second", "more": 1})
    wanted = Attachment(network.load(), "c1", "/ns")
    made = await network.attach(wanted)
    await network.detach(made)
    seen = [(words[0], Path(words[1]).name, *words[2:5]) for words in calls(programs)]
    same = ("c1", "/ns", "eth0")
    assert seen == [
        ("ADD", "first", *same),
        ("ADD", "second", *same),
        ("DEL", "second", *same),
        ("DEL", "first", *same),
    ]
    told = [json.loads(words[5]) for words in calls(programs)]
    assert ["prevResult" in one for one in told] == [False, True, True, True]
    assert told[1]["name"] == "pods"
    assert told[1]["more"] == 1
    assert addresses(made) == ["10.0.0.9"]
    assert name_servers(made) == "nameserver 10.0.0.1\nsearch a b\n"


async def test_a_refusal_is_told_in_the_programs_words(tmp_path: Path, programs: Path) -> None:
    network = cni(tmp_path, programs, {"type": "first", "fail": True})
    with pytest.raises(UnavailableError, match="first: no address all taken"):
        await network.attach(Attachment(network.load(), "c1", "/ns"))


async def test_without_a_free_address_there_is_no_room(tmp_path: Path, programs: Path) -> None:
    words = "failed to allocate for range 0: no IP addresses available in range set: 10.0.0.1"
    answer = f'#!/bin/sh\necho \'{{"code": 999, "msg": "{words}"}}\'; exit 1\n'
    (programs / "first").write_text(answer)
    network = cni(tmp_path, programs, {"type": "first"})
    with pytest.raises(CapacityError, match="first: failed to allocate"):
        await network.attach(Attachment(network.load(), "c1", "/ns"))


async def test_a_program_that_is_not_there(tmp_path: Path, programs: Path) -> None:
    network = cni(tmp_path, programs, {"type": "third"})
    with pytest.raises(PreconditionError, match="the network program third is not in"):
        await network.attach(Attachment(network.load(), "c1", "/ns"))


def test_no_network(tmp_path: Path) -> None:
    with pytest.raises(PreconditionError, match="cannot read"):
        Cni(str(tmp_path / "none"), ()).load()
    with pytest.raises(PreconditionError, match="no network is described"):
        Cni(str(tmp_path), ()).load()


async def test_ports_are_told_to_who_maps_them_also_at_the_end(
    tmp_path: Path, programs: Path
) -> None:
    maps = {"type": "second", "capabilities": {"portMappings": True}}
    network = cni(tmp_path, programs, {"type": "first"}, maps)
    port = Port(host_port=8080, container_port=80, protocol="UDP", host_ip="127.0.0.1")
    loaded = network.load()
    made = await network.attach(Attachment(loaded, "c1", "/ns", ports=(port,)))
    await network.detach(made)
    told = [json.loads(words[5]) for words in calls(programs)]
    mapping = {"hostPort": 8080, "containerPort": 80, "protocol": "udp", "hostIP": "127.0.0.1"}
    runtime = [one.get("runtimeConfig") for one in told]
    assert runtime == [None, {"portMappings": [mapping]}, {"portMappings": [mapping]}, None]
    assert not any("capabilities" in one for one in told)
    assert loaded.maps_ports


async def test_without_ports_nobody_looks_for_their_rules(tmp_path: Path, programs: Path) -> None:
    (programs / "first").rename(programs / "portmap")
    maps = {"type": "portmap", "capabilities": {"portMappings": True}}
    network = cni(tmp_path, programs, {"type": "second"}, maps)
    await network.detach(await network.attach(Attachment(network.load(), "c1", "/ns")))
    assert [Path(words[1]).name for words in calls(programs)] == ["second", "second"]
