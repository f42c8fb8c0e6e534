"""Names and labels of runtime objects: how a new process knows what is ours and what it is."""

from __future__ import annotations

from typing import Final

from argoexec_cli.runtime.base import LABEL_PREFIX, ContainerKey

OWNER: Final = f"{LABEL_PREFIX}owner"
_POD_UID: Final = f"{LABEL_PREFIX}pod-uid"
_CONTAINER: Final = f"{LABEL_PREFIX}container"
_ATTEMPT: Final = f"{LABEL_PREFIX}attempt"
POOL: Final = f"{LABEL_PREFIX}pool"
"""Marks what belongs to the executor itself and to no pod."""
SPEC_HASH: Final = f"{LABEL_PREFIX}spec-hash"


def to_labels(owner: str, key: ContainerKey, spec_hash: str = "") -> dict[str, str]:
    """Return the labels of the object with *key*; *owner* is the executor's own id, so two daemons
    never mix.
    """
    return {
        OWNER: owner,
        _POD_UID: key.pod_uid,
        _CONTAINER: key.container,
        _ATTEMPT: str(key.attempt),
        SPEC_HASH: spec_hash,
    }


def from_labels(labels: dict[str, str]) -> ContainerKey | None:
    """Read a key back; None when the labels are not (all) ours."""
    try:
        return ContainerKey(
            pod_uid=labels[_POD_UID], container=labels[_CONTAINER], attempt=int(labels[_ATTEMPT])
        )
    except (KeyError, ValueError):
        return None
