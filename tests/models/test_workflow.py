"""Workflows and their parameters, decoded as Argo decodes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argoexec_cli.errors import InvalidError
from argoexec_cli.models.base import UnknownFieldError, decode, decode_json, encode_json
from argoexec_cli.models.workflow import (
    Parameter,
    Workflow,
    WorkflowRun,
    WorkflowRunSpec,
    WorkflowRunStatus,
    any_string,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a b", "a b"),
        (3, "3"),
        (-7, "-7"),
        (True, "true"),
        (False, "false"),
        (0.5, "0.5"),
        (1000.0, "1000"),
        (1e21, "1000000000000000000000"),
        (1.5e-7, "0.00000015"),
        (-1e-7, "-0.0000001"),
    ],
)
def test_a_value_is_written_as_argo_writes_it(value: str | float, text: str) -> None:
    assert any_string(value) == text
    assert decode({"name": "x", "value": value}, Parameter).value == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_keeps_its_value(value: float) -> None:
    text = any_string(value)
    assert "e" not in text
    assert float(text) == value


def test_a_value_wins_over_the_default_also_when_it_is_empty() -> None:
    assert Parameter("x", "", "other").text == ""
    assert Parameter("x", None, "other").text == "other"
    assert Parameter("x").text is None


def test_what_argos_tools_write_out_empty_means_nothing() -> None:
    template = {"name": "a", "inputs": {}, "outputs": {}, "metadata": {}}
    container = {"name": "", "image": "i", "resources": {}}
    spec = {"entrypoint": "a", "arguments": {}, "templates": [template | {"container": container}]}
    workflow = decode({"spec": spec}, Workflow)
    assert workflow.spec.templates[0].outputs.__struct_fields__ == ()


@pytest.mark.parametrize("field", ["steps", "dag", "suspend", "http"])
def test_other_kinds_of_templates_are_refused_by_path(field: str) -> None:
    spec = {"entrypoint": "a", "templates": [{"name": "a", field: {}}]}
    with pytest.raises(UnknownFieldError, match=rf"^spec\.templates\[0\]\.{field} is not supp"):
        decode({"spec": spec}, Workflow)


def test_a_run_survives_json() -> None:
    spec = {"entrypoint": "a", "templates": [{"name": "a", "container": {"image": "i"}}]}
    run = decode({"metadata": {"name": "x"}, "spec": {"workflowSpec": spec}}, WorkflowRun)
    assert decode_json(encode_json(run), WorkflowRun) == run


@pytest.mark.parametrize(
    ("shutdown", "phase", "finished", "stopped"),
    [
        ("Stop", "Failed", True, True),
        ("Stop", "Succeeded", True, False),
        ("Stop", "Running", False, False),
        ("", "Failed", True, False),
        ("", "Error", True, False),
        ("", "Pending", False, False),
    ],
)
def test_a_run_knows_how_it_ended(shutdown: str, phase: str, finished: bool, stopped: bool) -> None:
    run = WorkflowRun(
        spec=decode({"shutdown": shutdown}, WorkflowRunSpec),
        status=decode({"phase": phase}, WorkflowRunStatus),
    )
    assert (run.finished, run.stopped) == (finished, stopped)


def test_another_shutdown_is_refused() -> None:
    with pytest.raises(InvalidError, match="shutdown: invalid enum value"):
        decode({"shutdown": "Terminate"}, WorkflowRunSpec)
