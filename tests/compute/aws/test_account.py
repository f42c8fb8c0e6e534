"""The way to AWS: who decides on region and endpoint, and what its errors become."""

from __future__ import annotations

from pathlib import Path

import pytest

from argoexec_cli.compute.aws.account import Account, open_account
from argoexec_cli.config.load import load_settings
from argoexec_cli.errors import (
    ArgoexecError,
    InvalidError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from tests.lab.ec2 import ACCOUNT, REGION, Ec2


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide credentials and configuration of the person who runs the tests."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


async def test_a_call_goes_to_the_endpoint_with_the_credentials_of_the_environment(
    account: Account,
) -> None:
    assert account.region == REGION
    assert (await account.ask("sts", "get_caller_identity"))["Account"] == ACCOUNT


async def test_a_flag_wins_over_the_variable_and_the_variable_over_the_profile(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("[profile lab]\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_PROFILE", "lab")
    assert (await open_account(load_settings())).region == "eu-west-1"
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    assert (await open_account(load_settings())).region == "eu-west-2"
    assert (await open_account(load_settings(), "eu-west-3")).region == "eu-west-3"


async def test_without_a_region_one_is_asked_for() -> None:
    with pytest.raises(InvalidError, match="no AWS region is set") as caught:
        await open_account(load_settings())
    assert caught.value.hint == "give --region, or set AWS_REGION"


async def test_a_misspelt_region_is_refused_and_a_new_one_is_not() -> None:
    with pytest.raises(InvalidError, match="'us-esat' is not an AWS region"):
        await open_account(load_settings(), "us-esat")
    assert (await open_account(load_settings(), "eu-south-9")).region == "eu-south-9"


async def test_a_profile_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(UnauthenticatedError, match="there are no AWS credentials"):
        await open_account(load_settings(), REGION)


async def test_no_credentials(ec2: Ec2, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", ec2.url)
    found = await open_account(load_settings(), REGION)
    with pytest.raises(UnauthenticatedError, match="there are no AWS credentials") as caught:
        await found.ask("sts", "get_caller_identity")
    assert caught.value.hint == "set AWS_PROFILE, or run: aws configure"


async def test_an_endpoint_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    found = await open_account(load_settings(), REGION)
    with pytest.raises(UnavailableError, match="AWS does not answer"):
        await found.ask("sts", "get_caller_identity")


async def test_what_aws_does_not_know_is_not_found(account: Account) -> None:
    with pytest.raises(NotFoundError, match="the image does not exist in this region"):
        await account.ask("ec2", "describe_images", ImageIds=["ami-00000000000000000"])
    with pytest.raises(NotFoundError, match="the subnet does not exist in this region"):
        await account.ask("ec2", "describe_subnets", SubnetIds=["subnet-00000000"])


async def test_an_error_that_nothing_is_known_about_is_told_in_aws_words(
    account: Account,
) -> None:
    with pytest.raises(ArgoexecError, match=r"^AWS: InvalidVpcID\.NotFound"):
        await account.ask("ec2", "describe_vpcs", VpcIds=["vpc-00000000"])
