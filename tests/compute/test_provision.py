"""`argoexec provision` as a process, with real Terraform, up to where machines would be needed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest

from tests.compute.fleet.program import Ended, Program, finish
from tests.compute.provider import need_terraform, terraform_environment
from tests.lab.ec2 import REGION, Ec2, Refusal

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]
ALLOW = ("--allow", "203.0.113.7/32")
_STANDARD = "L-1216C47A"


@pytest.fixture
def program(ec2: Ec2, tmp_path: Path, pytestconfig: pytest.Config) -> Program:
    """Give the program, for which the account in this process is AWS."""
    need_terraform(pytestconfig)
    return Program(tmp_path, {**ec2.environment, **terraform_environment(tmp_path)})


class Network(NamedTuple):
    """A VPC with a way out."""

    vpc: str
    subnet: str


@pytest.fixture(scope="module")
def client(ec2: Ec2) -> Any:
    """Give a client of EC2."""
    return boto3.client(
        "ec2",
        endpoint_url=ec2.url,
        region_name=REGION,
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )


@pytest.fixture(scope="module")
def network(client: Any) -> Network:
    """Give a VPC that exists already: of its subnets one is shut off, and one has a way out."""
    vpc = client.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    where = {"VpcId": vpc, "AvailabilityZone": "us-east-1a"}
    client.create_subnet(CidrBlock="10.8.16.0/20", **where)
    subnet = client.create_subnet(CidrBlock="10.8.1.0/24", **where)["Subnet"]["SubnetId"]
    gateway = client.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    client.attach_internet_gateway(VpcId=vpc, InternetGatewayId=gateway)
    table = client.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    client.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    client.associate_route_table(RouteTableId=table, SubnetId=subnet)
    return Network(vpc, subnet)


@pytest.fixture(autouse=True)
def no_refusals(ec2: Ec2) -> Iterator[None]:
    """Have the account say yes again after a test."""
    yield
    ec2.quotas.clear()
    for operation in ("RunInstances", "GetCallerIdentity"):
        ec2.refuse(operation)


def refused(ended: Ended, code: int, error: str, hint: str) -> None:
    """Check how a command failed: one line, one hint, and the exit code."""
    last = ended.err.strip().splitlines()[-2:]
    assert (ended.code, len(last)) == (code, 2), ended.err
    assert last[0].startswith(f"error: {error}"), ended.err
    assert last[1].startswith(f"hint: {hint}"), ended.err
    assert "Traceback" not in ended.err


def instances(ec2: Ec2, fleet: str) -> list[Any]:
    """Return the fleet's instances that were not ended."""
    living = ec2.instances("pending", "running", "stopped")
    return [
        each
        for each in living
        if ("argoexec:fleet", fleet) in {(tag["key"], tag["value"]) for tag in each.get_tags()}
    ]


def terraforms(home: Path) -> list[int]:
    """Return the processes of Terraform that work below *home*."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            ours = (process / "cwd").readlink().is_relative_to(home)
            if ours and (process / "comm").read_text().startswith("terraform"):
                found.append(int(process.name))
    return found


@contextmanager
def paused(processes: list[int]) -> Iterator[Callable[[], None]]:
    """Stop them until what this gives is called, and at the latest at the end."""

    def signal_all(number: signal.Signals) -> None:
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, number)

    assert processes
    signal_all(signal.SIGSTOP)
    try:
        yield lambda: signal_all(signal.SIGCONT)
    finally:
        signal_all(signal.SIGCONT)


# moto warns of a code that is not in STS's own list, as this one of all services is not.
@pytest.mark.filterwarnings("ignore:Exception.* does not match an error shape")
def test_the_token_has_expired(ec2: Ec2, program: Program) -> None:
    expired = Refusal("ExpiredToken", "The security token included in the request is expired")
    ec2.refuse("GetCallerIdentity", *[expired] * 3)
    refused(
        program("provision", "late", *ALLOW, "--yes"),
        6,
        "credentials: the AWS credentials have expired",
        "aws sso login",
    )


def test_aws_does_not_answer(program: Program) -> None:
    nowhere = {**program.environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    ended = Program(program.home, nowhere)("provision", "lost", *ALLOW, "--yes")
    refused(ended, 5, "credentials: AWS does not answer", "check the network")


def test_ssh_is_missing(program: Program, tmp_path: Path) -> None:
    terraform = shutil.which("terraform")
    assert terraform
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/terraform").symlink_to(terraform)
    alone = {**program.environment, "PATH": str(tmp_path / "bin")}
    ended = Program(program.home, alone)("provision", "mute", *ALLOW, "--plan")
    refused(ended, 2, "ssh is not installed", "")


def test_the_quota_would_be_exceeded(ec2: Ec2, program: Program) -> None:
    ec2.quotas[_STANDARD] = 1
    ended = program("provision", "many", "--count", "3", *ALLOW, "--yes")
    refused(ended, 7, "quota: ", "aws service-quotas request-service-quota-increase")
    assert "of 1 vCPUs in use, 6 more needed" in ended.err


def test_what_aws_refuses_in_the_middle_is_told_and_continued(
    ec2: Ec2, program: Program, network: Network
) -> None:
    wanted = ("provision", "full", "--subnet", network.subnet, *ALLOW, "--yes")
    for code, exit_code, error, hint in (
        ("InsufficientInstanceCapacity", 7, "AWS has no capacity for this", "take another"),
        ("VcpuLimitExceeded", 7, "a quota of the AWS account is used up", "aws service-quotas"),
    ):
        ec2.refuse("RunInstances", Refusal(code, "Because I say so."))
        ended = program(*wanted)
        refused(ended, exit_code, error, hint)
        assert instances(ec2, "full") == []
    # The key and the group were made by the first run, and are not made again.
    plan = json.loads(program(*wanted, "--plan", "-o", "json").good().out)
    assert [(each["host"], each["action"]) for each in plan["changes"]] == [("full-0", "create")]
    blind = {name: text for name, text in program.environment.items() if "_KEY" not in name}
    record = program.record("full")
    for words in (("--yes",), ("--yes", "--force")):
        ended = Program(program.home, blind)("destroy", "full", *words)
        refused(ended, 6, "there are no AWS credentials", "set AWS_PROFILE")
    assert program.record("full") == record
    program("destroy", "full", "--yes").good()
    left = json.loads(program("leaks", "-o", "json").out)
    assert [each for each in left if each["fleet"] == "full"] == []


def test_killed_in_the_middle_terraform_goes_on_and_the_next_run_waits(
    ec2: Ec2, program: Program, network: Network
) -> None:
    wanted = ("provision", "slain", "--subnet", network.subnet, *ALLOW, "--yes")
    first = program.start(*wanted)
    deadline = time.monotonic() + 240
    while not instances(ec2, "slain"):  # the provider waits ten seconds for it from here on
        assert first.poll() is None and time.monotonic() < deadline, finish(first)
        time.sleep(0.05)
    with paused(terraforms(program.home)) as resume:  # those seconds may be too few for what comes
        refused(program(*wanted), 2, "another run is working on the fleet slain", "wait for it")
        os.killpg(first.pid, signal.SIGKILL)
        first.communicate()
        (half,) = json.loads(program("hosts", "slain", "-o", "json").out)
        assert half["name"] == "slain/0"
        assert half["problem"] == "a run was cut off; to go on: argoexec provision slain"
        question = "this would end all that was made of slain (aws)"
        refused(program("destroy", "slain"), 2, question, "argoexec destroy slain --yes")
        assert hosts_elsewhere(program) == []

        said = ""
        with program.start(*wanted, "--plan") as again:
            assert again.stdout is not None and again.stderr is not None
            for line in again.stderr:
                said += line
                if "wait for the Terraform of an earlier run" in line:
                    resume()
            Ended(again.wait(), again.stdout.read(), said).good()
    assert "wait for the Terraform of an earlier run" in said
    assert "= slain exists as it should" in said
    assert len(instances(ec2, "slain")) == 1
    # What a later run wants in vain stands in nobody's way.
    refused(program(*wanted, "--count", "101"), 2, "The count must be a whole", "argoexec prov")
    program("destroy", "slain", "--yes").good()
    assert instances(ec2, "slain") == []


def test_interrupted_at_the_last_thing_that_was_made_the_host_is_taken_over(
    ec2: Ec2, program: Program, network: Network
) -> None:
    wanted = ("--subnet", network.subnet)
    first = program.start("provision", "cut", *wanted, *ALLOW, "--yes")
    deadline = time.monotonic() + 240
    while not instances(ec2, "cut"):
        assert first.poll() is None and time.monotonic() < deadline, finish(first)
        time.sleep(0.05)
    first.send_signal(signal.SIGINT)
    assert finish(first).code == 130
    made = [each.id for each in instances(ec2, "cut")]
    # Nothing is left to make, and yet Terraform has not written down which hosts there are.
    assert "= cut exists as it should" in program("provision", "cut", "--plan").good().err
    applied(program, "cut", 1)
    assert hosts_of(program, "cut") == made == [each.id for each in instances(ec2, "cut")]

    state = program.home / "fleets/cut/terraform/terraform.tfstate"
    state.write_bytes(state.read_bytes()[:1000])  # as a full disk leaves it
    damaged = "Terraform's state of this fleet is damaged"
    refused(program("destroy", "cut", "--yes"), 1, damaged, "restore fleets/NAME/terraform/")
    program("destroy", "cut", "--yes", "--force").good()
    assert instances(ec2, "cut") == []
    left = json.loads(program("leaks", "-o", "json").out)
    assert [each for each in left if each["fleet"] == "cut"] == []


def hosts_elsewhere(program: Program) -> list[Any]:
    """Return the hosts of a fleet `slain` of the same owner that was begun later, elsewhere."""
    home = program.home / "elsewhere"
    (home / "fleets/slain").mkdir(parents=True)
    record = {**program.record("slain"), "created": datetime.now(UTC).isoformat()}
    (home / "fleets/slain/fleet.json").write_text(json.dumps(record))
    environment = {**program.environment, "ARGOEXEC_CONFIG": str(home / "config.yaml")}
    found: list[Any] = json.loads(Program(home, environment)("hosts", "-o", "json").good().out)
    return found


def test_a_plan_is_shown_and_makes_nothing(ec2: Ec2, program: Program, network: Network) -> None:
    wanted = ("provision", "drawn", "--plan", "--spot", "--count", "2", "--vpc", network.vpc)
    shown = program(*wanted, *ALLOW).good()
    assert '+ module.fleet.aws_spot_instance_request.host["drawn-1"]' in shown.err
    assert "aws_vpc" not in shown.err
    assert "price: $" in shown.err
    plan = json.loads(program(*wanted, *ALLOW, "-o", "json").good().out)
    hosts = [each["host"] for each in plan["changes"] if "request" in each["kind"]]
    assert hosts == ["drawn-0", "drawn-1"]
    unasked = program(*wanted[:2], "--vpc", network.vpc, *ALLOW)
    refused(unasked, 2, "this would make or change hosts", "say --yes, or see --plan")
    assert 0 < plan["hourlyLow"] < plan["hourlyHigh"]
    assert instances(ec2, "drawn") == []
    assert json.loads(program("fleets", "-o", "json").good().out) == []
    assert not (program.home / "fleets").exists()


def test_a_subnet_of_the_vpc_is_chosen(program: Program, network: Network) -> None:
    wanted = ("provision", "housed", "--plan", *ALLOW)
    (program.home / "fleets/housed").mkdir(parents=True)  # else nothing of a plan stays
    program(*wanted, "--vpc", network.vpc).good()
    written = json.loads((program.home / "fleets/housed/terraform/main.tf.json").read_text())
    assert written["module"]["fleet"]["subnet_id"] == network.subnet
    refused(
        program(*wanted, "--vpc", "vpc-00000000"), 3, "vpc-00000000 has no subnet", "aws ec2 desc"
    )
    refused(
        program(*wanted, "--vpc", network.vpc, "--count", "300"),
        2,
        f"no subnet of {network.vpc} fits: ",
        "name one with --subnet",
    )


def test_the_bucket_of_the_state_does_not_exist(program: Program) -> None:
    wanted = ("provision", "adrift", "--plan", *ALLOW, "--backend")
    ended = program(*wanted, "s3://argoexec-nowhere/x")
    assert (ended.code, "error: " in ended.err) == (5, True)
    assert "hint: check the bucket and the rights on it" in ended.err
    refused(program(*wanted, "file:///x"), 2, "--backend 'file:///x' is none", "--backend s3://")


def applied(program: Program, fleet: str, hosts: int, *more: str) -> None:
    """Provision until the hosts are there, and interrupt the wait for machines that are not."""
    child = program.start("provision", fleet, *more, *ALLOW, "--yes")
    deadline = time.monotonic() + 240
    while len(hosts_of(program, fleet)) != hosts:
        assert child.poll() is None and time.monotonic() < deadline, finish(child)
        time.sleep(0.1)
    child.send_signal(signal.SIGINT)
    assert finish(child).code == 130


def hosts_of(program: Program, fleet: str) -> list[str]:
    """Return the hosts of a fleet's record, once the record says that they exist."""
    try:
        record = program.record(fleet)
    except FileNotFoundError:
        return []
    return (
        [each["id"] for each in record.get("hosts", ())] if record.get("phase") == "applied" else []
    )


def test_spot_hosts_whose_state_is_in_a_bucket_become_more_and_fewer(
    ec2: Ec2, program: Program, network: Network
) -> None:
    bucket, key = "argoexec-spare", "states/spare"
    s3 = boto3.client(
        "s3",
        endpoint_url=ec2.url,
        region_name=REGION,
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
    s3.create_bucket(Bucket=bucket)

    def in_state() -> list[str]:
        state = json.load(s3.get_object(Bucket=bucket, Key=key)["Body"])
        return [
            instance["index_key"]
            for each in state["resources"]
            if each["type"] == "aws_spot_instance_request"
            for instance in each["instances"]
        ]

    where = ("--spot", "--subnet", network.subnet, "--backend", f"s3://{bucket}/{key}")
    applied(program, "spare", 1, *where)
    (first,) = hosts_of(program, "spare")
    assert in_state() == ["spare-0"]
    assert not (program.home / "fleets/spare/terraform/terraform.tfstate").exists()
    blind = {name: text for name, text in program.environment.items() if "_KEY" not in name}
    seen = Program(program.home, blind)("hosts", "spare", "-o", "json")
    assert [each["state"] for each in json.loads(seen.out)] == ["unknown"]
    assert "spare: states and costs are unknown: there are no AWS credentials" in seen.err
    same = json.loads(program("provision", "spare", "--plan", "-o", "json").good().out)
    assert same.get("changes", []) == []

    applied(program, "spare", 2, "--count", "2")
    assert hosts_of(program, "spare")[0] == first
    assert in_state() == ["spare-0", "spare-1"]
    applied(program, "spare", 1, "--count", "1")
    assert hosts_of(program, "spare") == [first]
    assert [(each.id, each.lifecycle) for each in instances(ec2, "spare")] == [(first, "spot")]

    applied(program, "spare", 2, "--on-demand", "--count", "2")
    assert in_state() == []
    assert [each.lifecycle for each in instances(ec2, "spare")] == [None, None]

    program("destroy", "spare", "--yes").good()
    assert in_state() == []
    assert instances(ec2, "spare") == []
