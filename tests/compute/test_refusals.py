"""What Terraform and AWS say, and what a person is told: texts as they were seen or documented."""

from __future__ import annotations

import pytest

from argoexec_cli.compute.refusals import RULES, Diagnostic, to_error
from argoexec_cli.errors import (
    AlreadyExistsError,
    ArgoexecError,
    CapacityError,
    DataLossError,
    DeniedError,
    InvalidError,
    NotFoundError,
    PreconditionError,
    UnauthenticatedError,
    UnavailableError,
)

LAUNCH = "Error launching source instance: "
CASES: list[tuple[str, type[ArgoexecError], str]] = [
    (
        "error configuring Terraform AWS Provider: no valid credential sources for Terraform AWS "
        "Provider found.",
        UnauthenticatedError,
        "there are no AWS credentials",
    ),
    ("No valid credential sources found", UnauthenticatedError, "there are no AWS credentials"),
    (
        "ExpiredToken: The security token included in the request is expired",
        UnauthenticatedError,
        "the AWS credentials have expired",
    ),
    (
        "The SSO session associated with this profile has expired or is otherwise invalid.",
        UnauthenticatedError,
        "the AWS credentials have expired",
    ),
    (
        "InvalidClientTokenId: The security token included in the request is invalid.",
        UnauthenticatedError,
        "AWS does not accept these credentials",
    ),
    (
        f"{LAUNCH}InsufficientInstanceCapacity: We currently do not have sufficient t3.small",
        CapacityError,
        "AWS has no capacity for this instance type in this zone now",
    ),
    (
        "unexpected state 'capacity-not-available', wanted target 'fulfilled'",
        CapacityError,
        "AWS has no capacity for this instance type in this zone now",
    ),
    (f"{LAUNCH}VcpuLimitExceeded: 32", CapacityError, "a quota of the AWS account is used up"),
    ("VpcLimitExceeded: The maximum", CapacityError, "a quota of the AWS account is used up"),
    (
        "InsufficientFreeAddressesInSubnet: none",
        CapacityError,
        "the subnet has no free addresses",
    ),
    (
        f"{LAUNCH}InvalidAMIID.NotFound: The image id '[ami-0]' does not exist",
        NotFoundError,
        "the image does not exist in this region",
    ),
    (
        "Error getting SSM Parameter (/aws/service/debian): ParameterNotFound:",
        NotFoundError,
        "the public image parameter does not exist in this region",
    ),
    (
        f"{LAUNCH}InvalidParameterValue: Invalid value 't3.tiny' for InstanceType.",
        InvalidError,
        "the instance type does not exist, or not in this zone",
    ),
    (
        "Unsupported: Your requested instance type (t3.small) is not supported in your requested "
        "Availability Zone (us-east-1e).",
        InvalidError,
        "the instance type does not exist, or not in this zone",
    ),
    (
        "The architecture 'x86_64' of the specified instance type does not match the architecture "
        "'arm64' of the specified AMI.",
        InvalidError,
        "the image's architecture is not the instance type's",
    ),
    ("InvalidSubnetID.NotFound: subnet-0", NotFoundError, "the subnet does not exist"),
    ("InvalidGroup.Duplicate: exists", AlreadyExistsError, "something of this fleet's name"),
    ("Error acquiring the state lock", PreconditionError, "another run has this fleet's"),
    ("Failed to query available provider packages", UnavailableError, "terraform cannot get"),
    ("Unsupported Terraform Core version", PreconditionError, "this terraform is too old"),
    ("Error: Backend configuration changed", PreconditionError, "the fleet's state is in another"),
    (
        "Unsupported state file format: The state file could not be parsed as JSON",
        DataLossError,
        "Terraform's state of this fleet is damaged",
    ),
    ('S3 bucket "b" does not exist.', UnavailableError, "S3 bucket"),
    ("RequestError: send request failed", UnavailableError, "AWS does not answer"),
    ("dial tcp 127.0.0.1:9: connect: connection refused", UnavailableError, "AWS does not answer"),
    ("Saved plan is stale", PreconditionError, "the plan is out of date"),
    ("OptInRequired: You are not subscribed", DeniedError, "OptInRequired"),
]


@pytest.mark.parametrize(("text", "error", "message"), CASES, ids=[case[0][:30] for case in CASES])
def test_what_is_known(text: str, error: type[ArgoexecError], message: str) -> None:
    raised = to_error([Diagnostic("error", text)])
    assert type(raised) is error
    assert raised.message.startswith(message)
    assert raised.hint


def test_every_rule_is_the_first_for_something() -> None:
    special = ("UnauthorizedOperation", "Invalid value for variable")
    texts = [case[0] for case in CASES] + list(special)
    used = {next(rule for rule in RULES if rule.pattern.search(text)) for text in texts}
    assert used == set(RULES)


def test_a_denied_action_is_named_without_what_only_machines_read() -> None:
    detail = (
        "creating EC2 Instance: UnauthorizedOperation: You are not authorized to perform this "
        "operation. Encoded authorization failure message: 4f2Zx_Yr\n\tstatus code: 403, "
        "request id: 3f5c2a1e-0000-4000-8000-8c0f3a3d9a5d"
    )
    raised = to_error([Diagnostic("error", detail, "", "aws_instance.host")])
    assert isinstance(raised, DeniedError)
    assert "not authorized to perform this operation" in raised.message
    for noise in ("4f2Zx_Yr", "3f5c2a1e", "\n", "status code"):
        assert noise not in raised.message


def test_a_lock_is_named_for_whoever_has_to_open_it() -> None:
    detail = (
        "Error message: operation error S3: PutObject, StatusCode: 412\nLock Info:\n"
        "  ID:        2ff0ba2f-3ab5-22a8-4df4-26e5d2cbef3a\n  Path:      states/lab\n"
    )
    raised = to_error([Diagnostic("error", "Error acquiring the state lock", detail)])
    assert "terraform force-unlock 2ff0ba2f-3ab5-22a8-4df4-26e5d2cbef3a, in" in raised.hint


def test_the_cause_wins_over_what_follows_from_it() -> None:
    found = [
        Diagnostic("error", "execution halted"),
        Diagnostic("error", "VcpuLimitExceeded", "", 'aws_instance.host["lab-0"]'),
    ]
    assert to_error(found).message.endswith('is used up (aws_instance.host["lab-0"])')


def test_a_validation_of_the_module_is_told_in_its_own_words() -> None:
    detail = (
        "The count must be.\n\nX\n\nThis was checked by the validation rule at "
        "fleet/variables.tf:39,3-13."
    )
    raised = to_error([Diagnostic("error", "Invalid value for variable", detail)])
    assert (type(raised), raised.message) == (InvalidError, "The count must be. X")


def test_what_is_unknown_is_told_as_it_is_and_cut() -> None:
    raised = to_error([Diagnostic("error", "It broke", "x" * 999)])
    assert raised.message.startswith("terraform: It broke xxx")
    assert len(raised.message) < 450
    assert to_error([], "Initializing...\n\nError: No room\n\n  at all").message == (
        "terraform: No room at all"
    )
    assert to_error([]).message == "terraform: it ended without saying why"
