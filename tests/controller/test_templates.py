"""Template tags."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argoexec_cli.controller.templates import replace_tags, substitute
from argoexec_cli.models.base import FieldError

TAGS = {"workflow.name": "wf", "inputs.parameters.message": 'say "{{workflow.name}}"\n'}


def test_tags_are_replaced_once_in_all_strings() -> None:
    data = {"a": ["{{workflow.name}}-{{ workflow.name }}", 3], "{{workflow.name}}": "x{{y"}
    assert substitute(data, TAGS, "t") == {"a": ["wf-wf", 3], "wf": "x{{y"}
    assert replace_tags("{{inputs.parameters.message}}", TAGS, "t") == 'say "{{workflow.name}}"\n'


def test_an_unknown_tag_is_named_with_its_field() -> None:
    with pytest.raises(FieldError, match=r"^t.a\[1\]: failed to resolve {{workflow.nam}}") as got:
        substitute({"a": ["", "{{workflow.nam}}"]}, TAGS, "t")
    assert got.value.hint == "did you mean {{workflow.name}}?"
    with pytest.raises(FieldError) as got:
        replace_tags("{{zzzzzzzz}}", TAGS, "t")
    assert got.value.hint == "known: inputs.parameters.message, workflow.name"


def test_unknown_tags_stay_where_they_may() -> None:
    text = "{{a}} {{workflow.name}}"
    assert replace_tags(text, TAGS, "t", keep_unknown=True) == "{{a}} wf"


def test_expressions_are_refused_by_name() -> None:
    with pytest.raises(FieldError, match=r"expressions are not supported: {{=1 \+ 1}}"):
        replace_tags("{{=1 + 1}}", TAGS, "t")


def test_many_open_braces_cost_no_time() -> None:
    began = time.process_time()
    text = "{{" * 1_000_000
    assert replace_tags(text, TAGS, "t") == text
    assert time.process_time() - began < 20


@given(st.text(alphabet="{}= ab.\n"))
def test_text_without_tags_is_left_alone(text: str) -> None:
    if "{{" in text and "}}" in text[text.find("{{") :]:
        with pytest.raises(FieldError):
            replace_tags(text, {}, "t")
    else:
        assert replace_tags(text, {}, "t") == text
