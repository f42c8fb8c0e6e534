"""YAML from strangers: lines, refusals, and bounds that hold."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argoexec_cli.controller.documents import MAX_BYTES, read_documents
from argoexec_cli.errors import ArgoexecError, InvalidError


def test_documents_know_their_lines() -> None:
    text = b"# first\na:\n  - x: 1\n    y.z/w: 2\n---\nb: 3\n"
    first, second = read_documents(text, "f.yaml")
    assert first.data == {"a": [{"x": 1, "y.z/w": 2}]}
    assert first.line_of("a[0].x") == 3
    assert first.line_of("a[0].y.z/w") == 4
    assert first.line_of("a[0].missing.deeper") == 3
    assert first.line_of("a[7]") == 2
    assert second.line_of("b") == 6


def test_empty_documents_are_left_out() -> None:
    assert read_documents(b"", "f") == []
    assert read_documents(b"# nothing\n---\n---\n", "f") == []
    assert [d.data for d in read_documents(b"---\n---\na: 1\n...\n", "f")] == [{"a": 1}]


def test_nulls_are_fields_that_are_not_there() -> None:
    assert read_documents(b"a: null\nb: ~\nc:\nd: [null]", "f")[0].data == {"d": [None]}


def test_anchors_and_merges_work() -> None:
    text = b"base: &b {x: 1, y: 1}\nuse:\n  <<: *b\n  y: 2\nlist: [*b, *b]\nmany: {<<: [*b]}\n"
    data = read_documents(text, "f")[0].data
    assert data["use"] == {"x": 1, "y": 2}
    assert data["list"] == [{"x": 1, "y": 1}] * 2
    assert data["many"] == {"x": 1, "y": 1}


def test_json_is_yaml_also_with_tabs_and_surrogates() -> None:
    text = b'{\n\t"a": "\\ud83d\\ude00 \\\\ud83d",\n\t"b": [true, null, 1.5]\n}'
    assert read_documents(text, "f")[0].data == {"a": "\U0001f600 \\ud83d", "b": [True, None, 1.5]}


def test_a_byte_order_mark_and_windows_lines_are_read() -> None:
    (document,) = read_documents(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", "f")
    assert document.data == {"a": 1, "b": 2}
    assert document.line_of("b") == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a: [", "f:2:1: not YAML: did not find expected node content"),
        (b"a: 1\n\tb: 2", "f:2:1: not YAML: found a tab character that violates indentation"),
        (b"a: 1\nb: 2\na: 3", "f:3: the key 'a' appears twice (first in line 1)"),
        (b"a: !foo x", "f:1: the tag !foo is not supported"),
        (b"\n- !!python/object:os.system {}", "f:2: the tag tag:yaml.org,2002:python/object"),
        (b"a: *b", "f:1: the alias *b refers to nothing before it"),
        (b"a: &a [*a]", "f:1: the alias *a refers to nothing before it"),
        (b"? [a]\n: b", "f:1: a key must be text"),
        (b"a: &a 1\n? *a\n: b", "f:2: a key must be text"),
        (b"<<: 1", "f:1: << wants a mapping to merge"),
        (b"a: 1\n\xff", "f:2: not UTF-8 text (invalid start byte)"),
        (b"a: 1\nb: \x01", "f:2: not YAML: control characters are not allowed"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: bytes, message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        read_documents(text, "f")
    assert caught.value.message.startswith(message)
    assert caught.value.hint


def test_tabs_have_a_hint() -> None:
    with pytest.raises(InvalidError) as caught:
        read_documents(b"a:\n\tb: 1", "f")
    assert "spaces" in caught.value.hint


def _bomb() -> bytes:
    rows = [b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 12):
        rows.append(b"a%d: &a%d [%s]" % (level, level, b", ".join([b"*a%d" % (level - 1)] * 10)))
    return b"\n".join(rows)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_bomb(), "too large once its aliases are written out"),
        (b"a: &a " + b"x" * 400_000 + b"\nb: [" + b"*a, " * 1000 + b"]", "too large once"),
        (b"[" * MAX_BYTES, "nested more than 100 levels deep"),
        (b"- " * (MAX_BYTES // 2), "nested more than 100 levels deep"),
        (b"{" * MAX_BYTES, "a key must be text"),
        (b"x" * (10 * 1024 * 1024), "10,485,760 bytes are too large for a manifest"),
    ],
)
def test_hostile_files_are_refused_fast(text: bytes, message: str) -> None:
    began = time.process_time()
    with pytest.raises(InvalidError) as caught:
        read_documents(text, "f")
    assert message in caught.value.message
    assert time.process_time() - began < 20


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    try:
        read_documents(text, "f")
    except ArgoexecError as exc:
        assert exc.message.startswith("f:")


@given(st.text(alphabet="ab01 \t\n:-[]{},&*!|>'\"#?<.~%@`\\"))
def test_anything_made_of_yamls_signs_is_read_or_refused(text: str) -> None:
    try:
        for document in read_documents(text.encode(), "f"):
            document.line_of("a[0].b")
    except InvalidError as exc:
        assert exc.message.startswith("f:")
