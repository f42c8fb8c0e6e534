"""Labels lead back to the container that they were made for, and strangers' labels to none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argoexec_cli.runtime.base import LABEL_PREFIX, ContainerKey
from argoexec_cli.runtime.labels import OWNER, SPEC_HASH, from_labels, to_labels

_NAMES = st.text(max_size=20)


@given(_NAMES, _NAMES, st.integers(min_value=0, max_value=10**6))
def test_keys_come_back(pod_uid: str, container: str, attempt: int) -> None:
    key = ContainerKey(pod_uid=pod_uid, container=container, attempt=attempt)
    assert from_labels({"other": "label", **to_labels("me", key, "hash")}) == key


def test_labels_say_whose_and_what() -> None:
    labels = to_labels("me", ContainerKey(pod_uid="p", container="c"), "hash")
    assert (labels[OWNER], labels[SPEC_HASH]) == ("me", "hash")
    assert all(name.startswith(LABEL_PREFIX) for name in labels)


@pytest.mark.parametrize("missing", ["pod-uid", "container", "attempt"])
def test_incomplete_labels_are_not_ours(missing: str) -> None:
    labels = to_labels("me", ContainerKey(pod_uid="p", container="c"))
    del labels[f"{LABEL_PREFIX}{missing}"]
    assert from_labels(labels) is None


def test_attempt_that_is_no_number_is_not_ours() -> None:
    labels = to_labels("me", ContainerKey(pod_uid="p", container="c"))
    assert from_labels({**labels, f"{LABEL_PREFIX}attempt": "x"}) is None


def test_names_follow_from_keys_and_differ_by_attempt() -> None:
    names = {
        ContainerKey(pod_uid="p", container=container, attempt=attempt).object_name
        for container in ("", "main", "sandbox")
        for attempt in (0, 1)
    }
    assert names == {
        "argoexec-p.sandbox-0",
        "argoexec-p.sandbox-1",
        "argoexec-p-sandbox-0",
        "argoexec-p-sandbox-1",
        "argoexec-p-main-0",
        "argoexec-p-main-1",
    }
