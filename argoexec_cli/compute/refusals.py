"""What Terraform and AWS say went wrong, as our errors: a cause, a next step, an exit code.

Matched by AWS's error codes, which are its interface, and by the summaries of Terraform 1.5 to 1.14
and of the provider, where there is no code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

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

_LONGEST: Final = 400
_LOCK: Final = re.compile(r"\bID:\s+([0-9a-f]{8}-[0-9a-f-]{27})\b")
_NOISE: Final = re.compile(
    r"(Encoded authorization failure message: \S+|status code: \d+, |"
    r"This was checked by the validation rule at \S+|"
    r"[Rr]equest ?id: [0-9a-zA-Z-]+|\x1b\[[0-9;]*m|[│╷╵]|\s*\n\s*)"
)


class Diagnostic(msgspec.Struct, frozen=True):
    """What Terraform says is wrong. `text` has summary and detail in one line."""

    severity: str
    summary: str
    detail: str = ""
    address: str = ""

    @property
    def text(self) -> str:
        """Everything that it says, without line breaks."""
        return " ".join(f"{self.summary} {self.detail}".split())


class Rule(NamedTuple):
    """A kind of failure: how it is recognised, and what a person is told of it.

    An empty `message` is Terraform's own text.
    """

    pattern: re.Pattern[str]
    error: type[ArgoexecError]
    message: str
    hint: str


def _rule(pattern: str, error: type[ArgoexecError], message: str, hint: str) -> Rule:
    return Rule(re.compile(pattern), error, message, hint)


# The first that matches any diagnostic wins, so the narrow ones stand first.
RULES: Final = (
    _rule(
        r"acquiring the state lock|ConditionalCheckFailedException",
        PreconditionError,
        "another run has this fleet's Terraform state locked",
        "wait for it to end; if none runs: terraform force-unlock ID, in fleets/NAME/terraform",
    ),
    _rule(
        r"ExpiredToken|RequestExpired|[Tt]oken (has|is) expired|SSO session .*(expired|invalid)",
        UnauthenticatedError,
        "the AWS credentials have expired",
        "aws sso login, or export fresh AWS_* variables, then run the same command again",
    ),
    _rule(
        r"[Nn]o valid credential sources|NoCredentialProviders|failed to refresh cached credentials"
        r"|failed to get shared config profile|[Uu]nable to locate credentials"
        r"|[Pp]artial credentials"
        r"|config profile \([^)]*\) could not be found",
        UnauthenticatedError,
        "there are no AWS credentials",
        "set AWS_PROFILE, or run: aws configure",
    ),
    _rule(
        r"InvalidClientTokenId|AuthFailure|SignatureDoesNotMatch|UnrecognizedClientException",
        UnauthenticatedError,
        "AWS does not accept these credentials",
        "aws sts get-caller-identity",
    ),
    _rule(
        r"Insufficient\w*Capacity|capacity-not-available|SpotMaxPriceTooLow|price-too-low",
        CapacityError,
        "AWS has no capacity for this instance type in this zone now",
        "take another --instance-type or --region, or leave out --spot; the same command continues",
    ),
    _rule(
        r"InsufficientFreeAddressesInSubnet",
        CapacityError,
        "the subnet has no free addresses",
        "take another --subnet, or fewer hosts with --count",
    ),
    _rule(
        r"\w*LimitExceeded|MaxSpotInstanceCountExceeded|QuotaExceeded",
        CapacityError,
        "a quota of the AWS account is used up",
        "aws service-quotas list-service-quotas --service-code ec2; ask for more, or lower --count",
    ),
    _rule(
        r"UnauthorizedOperation|AccessDenied|not authorized to perform|\b403\b.*Forbidden",
        DeniedError,
        "",
        "terraform/README.md in the package lists the actions that are needed; give them to: "
        "aws sts get-caller-identity",
    ),
    _rule(
        r"OptInRequired|PendingVerification|Blocked: This account",
        DeniedError,
        "",
        "finish the account's sign-up, or enable the region, in the AWS console",
    ),
    _rule(
        r"InvalidAMIID|InvalidAMI\.|image id .* does not exist",
        NotFoundError,
        "the image does not exist in this region",
        "aws ec2 describe-images --image-ids AMI; or leave out --ami for the public image of --os",
    ),
    _rule(
        r"ParameterNotFound|ParameterVersionNotFound|getting SSM Parameter|reading SSM Parameter",
        NotFoundError,
        "the public image parameter does not exist in this region",
        "name an image with --ami",
    ),
    _rule(
        r"architecture .*(does not match|not supported)|Unsupported: The requested configuration",
        InvalidError,
        "the image's architecture is not the instance type's",
        "take --arch arm64 for Graviton types (t4g, c7g, m7g), --arch x86_64 for the others",
    ),
    _rule(
        r"Invalid value '[^']*' for InstanceType|InvalidInstanceType|instance type .*not supported"
        r"|[Ii]nstance type '[^']*' does not exist",
        InvalidError,
        "the instance type does not exist, or not in this zone",
        "aws ec2 describe-instance-type-offerings --location-type availability-zone",
    ),
    _rule(
        r"InvalidSubnetID|InvalidSubnet\.|no matching (EC2 )?[Ss]ubnet found",
        NotFoundError,
        "the subnet does not exist in this region",
        "aws ec2 describe-subnets",
    ),
    _rule(
        r"InvalidKeyPair\.Duplicate|InvalidGroup\.Duplicate|EntityAlreadyExists",
        AlreadyExistsError,
        "something of this fleet's name exists already, and this fleet's state does not know it",
        "argoexec leaks; to remove it, if it is yours: argoexec destroy NAME --force",
    ),
    _rule(
        r"Failed to query available provider packages|Failed to install provider"
        r"|[Cc]ould not (connect to|query provider) registry|Inconsistent dependency lock file"
        r"|Required plugins are not installed",
        UnavailableError,
        "terraform cannot get its AWS provider",
        "check the way to registry.terraform.io, or name a mirror in ~/.terraformrc",
    ),
    _rule(
        r"Unsupported Terraform Core version",
        PreconditionError,
        "this terraform is too old for the fleet",
        "https://developer.hashicorp.com/terraform/install",
    ),
    _rule(
        r"Unsupported state file format|state file could not be parsed"
        r"|[Uu]nsupported state (file )?version",
        DataLossError,
        "Terraform's state of this fleet is damaged",
        "restore fleets/NAME/terraform/terraform.tfstate, as from the .backup beside it; "
        "or end all that has the fleet's tags: argoexec destroy NAME --force",
    ),
    _rule(
        r"NoSuchBucket|S3 bucket .*does not exist|Failed to get existing workspaces"
        r"|[Ee]rror (loading|saving|refreshing) (the )?state|Failed to persist state",
        UnavailableError,
        "",
        "check the bucket and the rights on it: aws s3 ls s3://BUCKET",
    ),
    _rule(
        r"Backend (configuration|initialization|type) (changed|required)",
        PreconditionError,
        "the fleet's state is in another place than the one that was asked for",
        "give the --backend with which the fleet was made",
    ),
    _rule(
        r"[Cc]ould not connect to the endpoint URL|[Cc]onnection refused|no such host|i/o timeout"
        r"|RequestError: send request failed"
        r"|TLS handshake timeout|RequestTimeout|ServiceUnavailable|deadline exceeded",
        UnavailableError,
        "AWS does not answer",
        "check the network, AWS_REGION and AWS_ENDPOINT_URL, then run the same command again",
    ),
    _rule(r"Saved plan is stale", PreconditionError, "the plan is out of date", "plan again"),
    _rule(r"Invalid value for variable", InvalidError, "", ""),
)


def to_error(
    diagnostics: Sequence[Diagnostic], stderr: str = "", *, speaker: str = "terraform"
) -> ArgoexecError:
    """Return the error that says best what *diagnostics* mean; *stderr* is used where there are
    none, and *speaker* is named where nothing is known about it.

    Never raises. The message is one line and has no request ids or encoded messages in it.
    """
    found = list(diagnostics) or [Diagnostic("error", _last_error(stderr))]
    for rule in RULES:
        for diagnostic in found:
            if rule.pattern.search(diagnostic.text):
                return rule.error(_message(rule, diagnostic), hint=_hint(rule, diagnostic))
    return PreconditionError(
        f"{speaker}: {_clean(found[0].text)}", hint="run the same command again; it continues"
    )


def _message(rule: Rule, diagnostic: Diagnostic) -> str:
    if not rule.message:
        text = _clean(diagnostic.detail or diagnostic.summary)
        if rule.error is InvalidError or not diagnostic.detail:
            return text
        return f"{_clean(diagnostic.summary)}: {text}"
    where = f" ({diagnostic.address})" if diagnostic.address else ""
    return f"{rule.message}{where}"


def _hint(rule: Rule, diagnostic: Diagnostic) -> str:
    """Return the rule's hint; of a lock also its ID, which nothing else would tell."""
    lock = _LOCK.search(diagnostic.text)
    return rule.hint.replace("force-unlock ID", f"force-unlock {lock[1]}") if lock else rule.hint


def _last_error(stderr: str) -> str:
    """Return Terraform's text from its first `Error:` on, or the end of what it said."""
    text = _clean(stderr, len(stderr))
    _, marker, rest = text.partition("Error: ")
    return (rest if marker else text[-_LONGEST:]) or "it ended without saying why"


def _clean(text: str, longest: int = _LONGEST) -> str:
    line = " ".join(_NOISE.sub(" ", text).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
