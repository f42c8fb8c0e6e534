"""What becomes of a request when it is accepted: it is checked once, and gets its identity."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime

import msgspec

from argoexec_cli.executors.local.plan.checks import check
from argoexec_cli.models.base import encode_json
from argoexec_cli.models.record import PodRequest
from argoexec_cli.models.status import PodStatus


def accept(request: PodRequest) -> PodRequest:
    """Check the request and fill in what the server decides: namespace, uid, creation time, an
    empty status.

    `FieldError` names the first field that is wrong.
    """
    meta = request.pod.metadata
    meta = msgspec.structs.replace(
        meta,
        name=meta.name or _generated(meta.generate_name),
        namespace=meta.namespace or "default",
        uid=meta.uid or str(uuid.uuid4()),
        creation_timestamp=datetime.now(UTC),
    )
    pod = msgspec.structs.replace(request.pod, metadata=meta, status=PodStatus(phase="Pending"))
    accepted = msgspec.structs.replace(request, pod=pod)
    check(accepted)
    return accepted


def spec_hash(request: PodRequest) -> str:
    """Return a hash of all that the client decides: equal for a repeated submission, whatever uid
    or time it got.
    """
    meta = request.pod.metadata
    own = msgspec.structs.replace(
        meta, uid="", creation_timestamp=None, namespace=meta.namespace or "default"
    )
    pod = msgspec.structs.replace(request.pod, metadata=own, status=PodStatus())
    return hashlib.sha256(encode_json(msgspec.structs.replace(request, pod=pod))).hexdigest()[:32]


def _generated(prefix: str) -> str:
    return f"{prefix[:58]}{uuid.uuid4().hex[:5]}" if prefix else ""
