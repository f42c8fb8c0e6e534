"""The table of errors on the wire: complete both ways, and what travels with the code."""

from __future__ import annotations

import json

import grpc
import pytest

from argoexec_cli import errors
from argoexec_cli.errors import (
    ArgoexecError,
    CapacityError,
    InternalError,
    InvalidError,
    UnavailableError,
    UnsupportedError,
)
from argoexec_cli.models.base import FieldError, UnknownFieldError
from argoexec_cli.rpc.status import CODES, DETAILS_KEY, from_status, to_status

ADDRESS = "unix:///run/argoexec.sock"
TREE = [
    found
    for found in vars(errors).values()
    if isinstance(found, type) and issubclass(found, ArgoexecError)
]
FOREIGN = [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]


def received(
    code: grpc.StatusCode, text: str = "", metadata: tuple[tuple[str, bytes], ...] = ()
) -> ArgoexecError:
    """Return what a client makes of a call that ended so."""
    trailing = grpc.aio.Metadata(*metadata)
    error = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, details=text)
    return from_status(error, ADDRESS)


@pytest.mark.parametrize("cls", TREE, ids=lambda cls: cls.__name__)
def test_every_class_comes_back_with_message_and_hint(cls: type[ArgoexecError]) -> None:
    back = received(*to_status(cls("no room", hint="argoexec list")))
    assert type(back) is cls
    assert (back.message, back.hint, str(back)) == ("no room", "argoexec list", "no room")


def test_the_table_holds_every_class() -> None:
    assert set(CODES) == set(TREE)


@pytest.mark.parametrize(
    "cls",
    [cls for cls in TREE if cls.__base__ is ArgoexecError and cls.code != "UNKNOWN"],
    ids=lambda cls: cls.__name__,
)
def test_a_code_without_details_is_the_class_that_has_it(cls: type[ArgoexecError]) -> None:
    assert type(received(CODES[cls], "text")) is cls


@pytest.mark.parametrize("code", FOREIGN, ids=lambda code: code.name)
def test_every_code_of_a_foreign_server_becomes_an_error_with_text(code: grpc.StatusCode) -> None:
    error = received(code)
    assert type(error) is not ArgoexecError
    assert error.message


@pytest.mark.parametrize(
    ("code", "cls"),
    [
        (grpc.StatusCode.UNKNOWN, InternalError),
        (grpc.StatusCode.CANCELLED, UnavailableError),
        (grpc.StatusCode.OUT_OF_RANGE, InvalidError),
    ],
)
def test_codes_that_are_not_ours_have_a_class(
    code: grpc.StatusCode, cls: type[ArgoexecError]
) -> None:
    assert type(received(code, "x")) is cls


def test_a_field_error_keeps_its_path_and_says_it_once() -> None:
    back = received(*to_status(FieldError("spec.containers[0].image", "expected str", hint="h")))
    assert isinstance(back, FieldError)
    assert (back.path, back.hint) == ("spec.containers[0].image", "h")
    assert back.message == "spec.containers[0].image: expected str"


def test_an_unknown_field_keeps_its_path_and_its_class() -> None:
    back = received(*to_status(UnknownFieldError("spec.hostUsers", hint="did you mean x?")))
    assert type(back) is UnknownFieldError
    assert (back.path, back.message) == ("spec.hostUsers", "spec.hostUsers is not supported")
    assert back.hint == "did you mean x?"


def test_a_class_from_outside_the_tree_travels_as_its_nearest_base() -> None:
    class DiskFullError(CapacityError):
        """Stands for any refinement that a part may define for itself."""

    code, text, metadata = to_status(DiskFullError("disk full"))
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert type(received(code, text, metadata)) is CapacityError


def test_a_namesake_from_outside_the_tree_is_not_taken_for_it() -> None:
    namesake = type("NotFoundError", (InvalidError,), {})
    assert to_status(namesake("x"))[0] is grpc.StatusCode.INVALID_ARGUMENT


def test_no_daemon_names_the_address_the_cause_and_the_command() -> None:
    text = f"failed to connect to all addresses; last error: UNKNOWN: {ADDRESS}: Connection refused"
    error = received(grpc.StatusCode.UNAVAILABLE, text)
    assert isinstance(error, UnavailableError)
    assert error.message == f"no daemon answers at {ADDRESS} (Connection refused)"


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("unix:///x.sock", "argoexec serve --detach --socket /x.sock"),
        ("127.0.0.1:7401", "argoexec serve --detach --listen 127.0.0.1:7401"),
        ("192.0.2.7:7401", "see that 192.0.2.7 is up and lets you in, and start the daemon there"),
        (
            "unix:///x.sock via box",
            "see that box is up and lets you in, and start the daemon there",
        ),
    ],
)
def test_no_daemon_hints_at_the_machine_where_one_should_be(address: str, hint: str) -> None:
    status = grpc.aio.AioRpcError(
        grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), ""
    )
    assert from_status(status, address).hint == hint


def test_a_call_that_the_server_lacks_hints_at_versions() -> None:
    error = received(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
    assert isinstance(error, UnsupportedError)
    assert "Method not found!" in error.message
    assert "argoexec version" in error.hint


def test_a_message_over_grpcs_limit_is_the_senders_mistake_not_a_full_server() -> None:
    text = "CLIENT: Sent message larger than max (50000000 vs. 33554432)"
    assert type(received(grpc.StatusCode.RESOURCE_EXHAUSTED, text)) is InvalidError
    assert type(received(grpc.StatusCode.RESOURCE_EXHAUSTED, "queue is full")) is CapacityError


@pytest.mark.parametrize("value", [b"{", b"[]", b"\xff"])
def test_details_that_are_damaged_are_left_alone(value: bytes) -> None:
    assert type(received(grpc.StatusCode.NOT_FOUND, "gone", ((DETAILS_KEY, value),))) is (
        errors.NotFoundError
    )


def test_long_texts_fit_into_the_metadata_that_every_receiver_takes() -> None:
    _, text, metadata = to_status(InvalidError("ü" * 50_000, hint="h" * 50_000))
    assert len(text.encode()) * 3 + sum(len(value) for _, value in metadata) < 16_000
    assert len(text.encode()) <= 2_003
    assert json.loads(metadata[0][1])["hint"].endswith("…")
