"""Conditions in expr-lang."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argoexec_cli.argo.expr import ExprError, evaluate, parse

VARIABLES: dict[str, Any] = {
    "response": {
        "statusCode": 201,
        "body": '{"state": "done", "items": [{"n": 1}, {"n": 2}]}',
        "headers": {"Server": ["cloudflare"], "X-Many": ["a", "b"]},
    },
    "request": {"method": "GET", "url": "https://google.com/x", "body": ""},
}


def value(text: str) -> Any:
    """Evaluate a condition."""
    return evaluate(parse(text), VARIABLES)


@pytest.mark.parametrize(
    "condition",
    [
        "response.statusCode == 201",
        'response.body contains "done"',
        'response.headers["Server"][0] == "cloudflare"',
        "response.headers['X-Many'][-1] == 'b'",
        "response.statusCode in [200, 201]",
        "response.statusCode in 200..299",
        "response.statusCode not in [404]",
        "not (response.statusCode in [404])",
        "response.statusCode >= 200 and response.statusCode < 300",
        "response.statusCode == 500 || response.statusCode == 201",
        '!(response.body contains "error") && true',
        'response.body matches "^\\\\{.*done"',
        'not (response.body matches "nothing")',
        'request.url startsWith "https://" and request.url endsWith "/x"',
        "len(response.headers) == 2",
        "len(response.body) > 10 ? true : false",
        "response.headers['None'] == nil",
        "response.headers['None']?.x == nil",
        "(response.headers['None'] ?? 'none') == 'none'",
        "'Server' in response.headers",
        'jsonpath(response.body, "$.state") == "done"',
        'jsonpath(response.body, "$.items[1].n") == 2',
        "fromJSON(response.body).items[0].n == 1",
        "int('42') == 42",
        "string(201) == '201'",
        "upper('a') + lower('B') == 'Ab'",
        "split('a,b', ',')[1] == 'b'",
        "1 + 2 * 3 == 7",
        "2 ** 3 ** 2 == 512.0",
        "-7 % 3 == -1",
        "10 / 4 == 2.5",
        "0x10 == 16 and 1_000 == 1000 and 1e3 == 1000",
        "[1, 2, 3][1:] == [2, 3]",
        "'hello'[:2] == 'he'",
        "{'a': 1, b: 2}.b == 2",
        "`raw\\n` == 'raw\\\\n'",
        "true == true and true != false",
        "// a comment\ntrue",
        "last([1, 2]) == 2 and first([]) == nil",
        "max(1, 2) == 2",
        "response.body | fromJSON() | keys() == ['state', 'items']",
        "'a,b' | split(',') == ['a', 'b'] ? true : false",
        "(1 == 1 | string()) == 'true'",
    ],
)
def test_what_conditions_say_holds(condition: str) -> None:
    assert value(condition) is True


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("", "the condition ends too early"),
        ("response.statusCode ==", "the condition ends too early"),
        ("1 1", "unexpected 1 at character 3"),
        ("'a", 'cannot read "\'a"'),
        ("nonsense == 1", "unknown name nonsense"),
        ("all([1], {# > 0})", "a closure .* is not supported"),
        ("filter([1], # > 0)", "a closure .* is not supported"),
        ("[1] | len", "the condition ends too early"),
        ("[1] | nonsense()", "the function nonsense is not supported"),
        ("sprig.trim('a') == 'a'", r"the function sprig\.trim is not supported"),
        ("now().Unix() == 1", r"the function now\.Unix is not supported"),
        ("(1)(2)", "the function that is called here is not supported"),
        ("let x = 1; x == 1", "let is not supported"),
        ("now() == 1", "the function now is not supported"),
        ("1 and true", "expected bool, but got int"),
        ("'a' < 1", "cannot compare string < int"),
        ("'a' contains 1", "contains needs two strings"),
        ("'a' matches '('", "no regular expression"),
        ("response.statusCode.x == 1", "cannot fetch 'x' from int"),
        ("[1][5] == 1", "index out of range: 5"),
        ("1 / 0 == 1", "/: division by zero"),
        ("(1..1000000000)[0] == 1", "a range of more than"),
        ("fromJSON('{') == nil", "fromJSON:"),
        ("jsonpath(response.body, '$..n') == 1", "not supported in a path"),
        ("len(1) == 1", "len:"),
        ("-'a' == 1", "cannot negate string"),
        ("9.0 ** 9999 == 1", r"\*\*:"),
        ("(" * 100 + ")" * 100, "nested too deeply"),
        ("true " + " and true" * 2000, "longer than"),
    ],
)
def test_what_is_wrong_is_named(condition: str, message: str) -> None:
    with pytest.raises(ExprError, match=message):
        value(condition)


@given(st.text(max_size=60))
def test_any_text_is_a_value_or_an_error(text: str) -> None:
    with contextlib.suppress(ExprError):
        value(text)


_OPERATORS = ["==", "<", "in", "not", "and", "or", "+", "-", "*", "%", "..", "?", ":", "??", "!"]
_OTHERS = ["response", ".", "statusCode", "body", "[", "]", "(", ")", "0", "1", "'a'", "nil", "len"]
_WORDS = st.sampled_from([*_OPERATORS, *_OTHERS])


@given(st.lists(_WORDS, max_size=14))
def test_any_words_are_a_value_or_an_error(words: list[str]) -> None:
    with contextlib.suppress(ExprError):
        value(" ".join(words))
