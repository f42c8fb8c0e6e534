"""What a command line wants of a fleet, and how plans and timings are shown."""

from __future__ import annotations

from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import msgspec
import pytest

from argoexec_cli.cli import awswish
from argoexec_cli.cli.awswish import parse_backend
from argoexec_cli.cli.commands.provision import Doing, Hosts, Network, Software
from argoexec_cli.cli.fleetwish import wanted_fleet
from argoexec_cli.cli.preview import preview_data, render_preview
from argoexec_cli.cli.provisioning import Wish
from argoexec_cli.cli.session import Options, Session
from argoexec_cli.cli.waterfall import render_waterfall
from argoexec_cli.compute.fleet.compute import Preview
from argoexec_cli.compute.fleet.record import Fleet, Host
from argoexec_cli.compute.fleet.ssh import ensure_key
from argoexec_cli.compute.fleet.store import Place
from argoexec_cli.compute.fleet.timings import Span, Timings
from argoexec_cli.compute.models import Change, FleetSpec, S3Backend
from argoexec_cli.errors import ArgoexecError, InvalidError, PreconditionError, UnavailableError
from argoexec_cli.models.connection import Ssh

START = datetime(2026, 1, 1, tzinfo=UTC)
GIVEN = Fleet(name="lab", provider="ssh", given=(Ssh(host="10.0.0.5"),), created=START)
SPEC = FleetSpec(
    name="lab",
    owner="me",
    ssh_public_key="ssh-ed25519 A",
    region="eu-west-1",
    count=3,
    spot=True,
    subnet_id="subnet-1",
    client_cidrs=("10.0.0.0/8",),
)
MADE = Fleet(name="lab", provider="aws", spec=SPEC, created=START)
ALLOWED = Network(region="eu-west-1", allow=["203.0.113.7/32"])


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Give a session in which nothing is set."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws"))
    monkeypatch.setenv("ARGOEXEC_CONFIG", str(tmp_path / "config.yaml"))
    return Session(Options())


def wish(
    hosts: Hosts | None = None, network: Network | None = None, software: Software | None = None
) -> Wish:
    """Return what a command line says about the fleet `lab`."""
    return Wish("lab", hosts or Hosts(), network or Network(), software or Software(), Doing())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Give the fleet's directory."""
    (tmp_path / "lab" / "ssh").mkdir(parents=True)
    return Place(tmp_path / "lab")


def spec_of(fleet: Fleet) -> FleetSpec:
    """Return what Terraform is to make."""
    assert fleet.spec is not None
    return fleet.spec


async def test_a_first_wish_gets_what_is_usual(session: Session, place: Place) -> None:
    spec = spec_of(await wanted_fleet(session, wish(network=ALLOWED), None, place))
    assert (spec.region, spec.count, spec.spot, spec.public_ip) == ("eu-west-1", 1, False, True)
    assert spec.client_cidrs == ("203.0.113.7/32",)
    assert place.ssh_key.exists()
    assert spec.ssh_public_key.startswith("ssh-ed25519 ")


async def test_the_region_is_the_profiles_where_nothing_else_says_one(
    session: Session, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Network(allow=["203.0.113.7/32"])
    with pytest.raises(InvalidError, match="no AWS region is set"):
        await wanted_fleet(session, wish(network=network), None, place)
    (tmp_path / "aws").write_text("[default]\nregion = eu-north-1\n")
    spec = spec_of(await wanted_fleet(session, wish(network=network), None, place))
    assert spec.region == "eu-north-1"


async def test_what_is_not_said_stays_as_it_was(session: Session, place: Place) -> None:
    assert (await wanted_fleet(session, wish(), MADE, place)).spec == SPEC
    changed = wish(
        Hosts(number=1, instance_type="c7i.large"), software=Software(lease="0", runtime="docker")
    )
    assert spec_of(await wanted_fleet(session, changed, MADE, place)) == msgspec.structs.replace(
        SPEC, count=1, instance_type="c7i.large", lease_s=0
    )
    dearer = await wanted_fleet(session, wish(Hosts(on_demand=True)), MADE, place)
    assert spec_of(dearer) == msgspec.structs.replace(SPEC, spot=False)
    key = str(place.ssh_key)
    ensure_key(place.ssh_key)
    other = await wanted_fleet(session, wish(Hosts(identity=key)), GIVEN, place)
    assert [(each.host, each.identity_file) for each in other.given] == [("10.0.0.5", key)]
    given = await wanted_fleet(session, wish(software=Software(prepull=["a:1"])), GIVEN, place)
    assert (given.given, given.prepull) == (GIVEN.given, ("a:1",))


async def test_what_was_said_once_can_be_taken_back(session: Session, place: Place) -> None:
    network = Network(via="ssh", allow=["10.0.0.0/8", "10.1.0.0/16", "fd00::/8"])
    said = wish(network=network, software=Software(offline=True, prepull=["a:1"]))
    fleet = await wanted_fleet(session, said, GIVEN, place)
    assert (fleet.via, fleet.offline, fleet.prepull) == ("ssh", True, ("a:1",))
    assert fleet.allow == ("10.0.0.0/8", "fd00::/8")
    assert await wanted_fleet(session, wish(), fleet, place) == fleet
    software = Software(online=True, prepull=["none"])
    back = wish(network=Network(via="direct", allow=["none"]), software=software)
    assert await wanted_fleet(session, back, fleet, place) == GIVEN


async def test_hosts_of_a_given_subnet_have_private_addresses_where_those_are_used(
    session: Session, place: Place
) -> None:
    network = ALLOWED._replace(connect="private", subnet="subnet-9")
    spec = spec_of(await wanted_fleet(session, wish(network=network), None, place))
    assert (spec.subnet_id, spec.public_ip) == ("subnet-9", False)


@pytest.mark.parametrize(("says", "known"), [(b"203.0.113.9\n", True), (b"<html>log in", False)])
async def test_this_machines_address_is_asked_for_and_nothing_else_is_taken_for_one(
    session: Session, place: Place, says: bytes, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Echo(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(says)

    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(awswish, "_ECHO", f"http://127.0.0.1:{server.server_port}")
        wanted = wanted_fleet(session, wish(network=Network(region="eu-west-1")), None, place)
        if known:
            assert spec_of(await wanted).client_cidrs == ("203.0.113.9/32",)
        else:
            with pytest.raises(UnavailableError, match="public address is not known") as caught:
                await wanted
            assert "--allow" in caught.value.hint
        server.shutdown()


class Wrong(NamedTuple):
    """A wish that contradicts something."""

    name: str
    wish: Wish
    before: Fleet | None
    error: type[ArgoexecError]
    says: str


BAKING = msgspec.structs.replace(MADE, baking=True)
ENDING = msgspec.structs.replace(GIVEN, phase="destroying")
THERE = msgspec.structs.replace(MADE, phase="ready")
PRIVATE = Network(connect="private")
BOTH = Hosts(spot=True, on_demand=True)
NEITHER = Software(offline=True, online=True)
HALVES = ["0.0.0.0/1", "128.0.0.0/1"]
TWICE = Hosts(host=["admin@10.0.0.5", "root@10.0.0.5"])


@pytest.mark.parametrize(
    "wrong",
    [
        Wrong("image", wish(software=Software(prepull=["a b"])), GIVEN, InvalidError, "not an im"),
        Wrong("case", wish(Hosts(host=["Db", "db"])), None, InvalidError, "the same host twice"),
        Wrong("going", wish(), ENDING, PreconditionError, "is being destroyed"),
        Wrong("provider", wish(Hosts(provider="local")), GIVEN, InvalidError, "of provider ssh"),
        Wrong("host", wish(Hosts(host=["10.0.0.5"])), MADE, InvalidError, "of provider aws"),
        Wrong("no host", wish(Hosts(provider="ssh")), None, InvalidError, "which hosts"),
        Wrong("twice", wish(TWICE), None, InvalidError, "the same host twice"),
        Wrong("spot", wish(BOTH), MADE, InvalidError, "contradict each other"),
        Wrong("index", wish(software=NEITHER), MADE, InvalidError, "contradict each other"),
        Wrong("region", wish(network=Network(region="us-east-1")), MADE, InvalidError, "is in eu"),
        Wrong("owner", wish(software=Software(owner="you")), MADE, InvalidError, "is me's"),
        Wrong("os", wish(Hosts(os="al2023")), THERE, InvalidError, "has hosts of debian-12 on x86"),
        Wrong("key", wish(Hosts(identity="/no/key")), GIVEN, InvalidError, "no such file"),
        Wrong("address", wish(network=PRIVATE), GIVEN, InvalidError, "--connect: not for hosts"),
        Wrong("port", wish(Hosts(host=["h", "h:22"])), None, InvalidError, "the same host twice"),
        Wrong("baking", wish(), BAKING, PreconditionError, "is being baked"),
        Wrong("bake", wish()._replace(doing=Doing(bake=True)), MADE, PreconditionError, "a fleet"),
        Wrong("lease", wish(software=Software(lease="soon")), MADE, InvalidError, "--lease"),
        Wrong("no lease", wish(software=Software(lease="500ms")), MADE, InvalidError, "from 15m"),
        Wrong("all", wish(network=Network(allow=["0.0.0.0/0"])), MADE, InvalidError, "wider than"),
        Wrong("halves", wish(network=Network(allow=HALVES)), MADE, InvalidError, "wider than"),
        Wrong("v6", wish(network=Network(allow=["::/0"])), MADE, InvalidError, "IPv4 only"),
        Wrong(
            "in it", wish(network=Network(allow=["10.0.0.5/8"])), MADE, InvalidError, "host bits"
        ),
        Wrong("net", wish(network=Network(allow=["here"])), GIVEN, InvalidError, "is no network"),
    ],
    ids=lambda wrong: str(wrong.name),
)
async def test_what_contradicts_is_refused(session: Session, place: Place, wrong: Wrong) -> None:
    with pytest.raises(wrong.error, match=wrong.says) as caught:
        await wanted_fleet(session, wrong.wish, wrong.before, place)
    assert caught.value.hint


def test_a_backend_is_read() -> None:
    assert parse_backend("s3://states", "lab", "eu-west-1") == S3Backend(
        bucket="states", key="argoexec/lab.tfstate", region="eu-west-1"
    )
    assert parse_backend("s3://states/a/b?region=us-east-1&table=locks", "lab", "eu-west-1") == (
        S3Backend(bucket="states", key="a/b", region="us-east-1", dynamodb_table="locks")
    )
    with pytest.raises(InvalidError, match="is none"):
        parse_backend("states/a", "lab", "eu-west-1")


def test_a_preview_says_what_and_how_much() -> None:
    changes = tuple(
        Change(address=f"r.{number}", kind="r", action="create") for number in range(40)
    )
    priced = Preview(
        changes=changes, hourly_low=0.1, hourly_high=0.2, price_note="list prices of 2025-01"
    )
    lines = render_preview(MADE, priced).splitlines()
    assert lines[0] == "  + r.0"
    assert lines[-2] == "  … and 10 more"
    assert lines[-1] == (
        "  price: $0.100 to $0.200 an hour, $73 to $146 a month (list prices of 2025-01)"
    )
    one = msgspec.structs.replace(priced, hourly_high=0.1)
    assert "  price: $0.100 an hour, $73 a month (" in render_preview(MADE, one)
    unknown = Preview(price_note="not known: p5.48xlarge")
    assert render_preview(MADE, unknown).endswith("  price: not known: p5.48xlarge\n")


def test_a_preview_of_repairs_and_of_nothing() -> None:
    assert render_preview(MADE, Preview()) == "  = lab exists as it should\n"
    half = msgspec.structs.replace(
        MADE, hosts=(Host(name="lab/0", proved=True), Host(name="lab/1"))
    )
    stopped = Preview(
        repairs=("lab-0",), changes=(Change(address="x", kind="x", action="replace"),)
    )
    assert render_preview(half, stopped) == (
        "  ± x\n  ! lab-0 was stopped: start it\n  ~ lab/1: finish it\n"
    )
    data = preview_data(half, stopped, ["lab/0"])
    assert (list(data["repairs"]), data["unfinished"], data["outdated"]) == (
        ["lab-0"],
        ["lab/1"],
        ["lab/0"],
    )


def test_a_waterfall_has_every_step_on_one_scale() -> None:
    spans = [
        Span(source="probe", action="probe pod", subject="lab/0", begin_s=8.0, end_s=10.0),
        Span(source="terraform", action="apply", begin_s=0.0, end_s=5.0),
        Span(source="record", action="as it should be", begin_s=5.0, end_s=5.01),
    ]
    text = render_waterfall(Timings(began=START, spans=spans), 10.0)
    header, first, second, last = text.splitlines()
    assert header.split() == ["HOST", "TOOL", "STEP", "START", "TOOK"]
    assert first.split() == ["-", "terraform", "apply", "0.0", "5.0", "▇" * 20]
    assert second.split()[:-1] == ["lab/0", "probe", "probe", "pod", "8.0", "2.0"]
    assert second.index("▇") - first.index("▇") == 32
    assert second.count("▇") == 8
    assert last == "total 10.0 s, of which argoexec itself 5.0 s"
