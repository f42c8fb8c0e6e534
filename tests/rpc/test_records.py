"""References, records, events and questions over the wire and back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import pytest

from argoexec_cli.models.base import FieldError, UnknownFieldError
from argoexec_cli.models.executor import Capacity, ExecutorInfo
from argoexec_cli.models.record import (
    File,
    FileParameter,
    OutputParameter,
    OutputsWanted,
    PodEvent,
    PodOutputs,
    PodPage,
    PodQuery,
    PodRecord,
    PodRef,
    PodRequest,
    PodUpdate,
)
from argoexec_cli.rpc import filters, queries, records
from argoexec_cli.rpc.gen.argoexec.v1alpha1 import pods_pb2
from tests.rpc.test_pods import BARE, FULL

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
RECORD = PodRecord(
    FULL,
    PodOutputs(result="", exit_code="0", parameters=(OutputParameter(name="p", value="v"),)),
    (
        PodEvent(time=NOW, reason="Started", container="main", count=3),
        PodEvent(time=NOW, type="Warning", reason="Failed", message="m"),
    ),
    revision=2**60,
)


def test_a_request_comes_back_whole() -> None:
    request = PodRequest(
        BARE,
        OutputsWanted(
            result=True,
            exit_code=True,
            container="main",
            parameters=(
                FileParameter(name="p", path="/p"),
                FileParameter(name="q", path="/q", default=""),
            ),
        ),
        (
            File(volume="v", path="a/b", content="é\n", mode=0o755),
            File(volume="v", path="c", content="", mode=0),
            File(volume="v", path="d", content="x"),
        ),
    )
    assert records.request_from_message(records.request_to_message(request)) == request


def test_a_file_without_a_mode_has_the_models() -> None:
    message = records.request_to_message(PodRequest(BARE))
    message.files.add(volume="v", path="p", content="c")
    (file,) = records.request_from_message(message).files
    assert file == File(volume="v", path="p", content="c")


@pytest.mark.parametrize("place", ["files[0]", "ref"])
def test_unknown_numbers_are_found_below_the_top_too(place: str) -> None:
    request = records.request_to_message(PodRequest(BARE))
    reference = pods_pb2.PodRef(name="x")
    request.files.add().MergeFromString(b"\xf8\x3f\x01")
    reference.MergeFromString(b"\xf8\x3f\x01")
    with pytest.raises(UnknownFieldError) as caught:
        if place == "ref":
            records.ref_from_message(reference)
        records.request_from_message(request)
    assert caught.value.path == f"{place}.#1023"


@pytest.mark.parametrize(
    "record",
    [RECORD, PodRecord(BARE), PodRecord(BARE, PodOutputs(exit_code="137"))],
    ids=["full", "bare", "exit code"],
)
def test_a_record_comes_back_whole(record: PodRecord) -> None:
    assert records.record_from_message(records.record_to_message(record)) == record


def test_outputs_that_are_absent_stay_absent() -> None:
    assert not records.record_to_message(PodRecord(BARE)).HasField("outputs")


def test_an_event_without_a_time_is_not_understood() -> None:
    message = records.record_to_message(PodRecord(BARE))
    message.events.add(reason="x")
    with pytest.raises(FieldError, match=r"events\.time: required"):
        records.record_from_message(message)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (PodRef(name="a", namespace="n", uid="u"), PodRef(name="a", namespace="n", uid="u")),
        (PodRef(name="a", namespace=""), PodRef(name="a", namespace="default")),
    ],
)
def test_a_reference_has_a_namespace(sent: PodRef, read: PodRef) -> None:
    assert records.ref_from_message(records.ref_to_message(sent)) == read


def test_information_comes_back_whole() -> None:
    info = ExecutorInfo(
        name="n",
        version="v",
        protocol="p",
        runtime="docker",
        runtime_version="1",
        capabilities=("a",),
        capacity=Capacity(1, 2, 3, 4, 5),
        supported_pod_fields=("spec.x",),
        granted=("privileged",),
    )
    assert records.info_from_message(records.info_to_message(info)) == info


def test_a_page_and_its_query_come_back_whole() -> None:
    query = PodQuery("n", "a", "x=y", "Failed", 7, "token")
    assert queries.list_from_message(queries.list_to_message(query)) == query
    page = PodPage((RECORD, PodRecord(BARE)), "next")
    assert queries.page_from_message(queries.page_to_message(page)) == page


def test_a_watch_leaves_limit_and_page_out() -> None:
    query = PodQuery("n", "a", "x=y", "Failed", 7, "token")
    read, token = queries.watch_from_message(queries.watch_to_message(query, "resume"))
    assert (read, token) == (PodQuery("n", "a", "x=y", "Failed"), "resume")


@pytest.mark.parametrize("kind", get_args(filters.UpdateType))
def test_each_type_of_update_comes_back(kind: filters.UpdateType) -> None:
    update = PodUpdate(kind, None if kind == "SYNCED" else RECORD, "token")
    assert queries.update_from_message(queries.update_to_message(update)) == update
