"""The error tree: complete, documented, and with the exit codes that the README promises."""

from __future__ import annotations

import inspect

import pytest

from argoexec_cli import errors
from argoexec_cli.errors import ArgoexecError, ExitCode

CLASSES = [
    one
    for _, one in inspect.getmembers(errors, inspect.isclass)
    if issubclass(one, ArgoexecError) and one is not ArgoexecError
]
EXIT_CODES = {
    "InvalidError": 2,
    "UnsupportedFieldError": 2,
    "UnsupportedError": 2,
    "NotFoundError": 3,
    "AlreadyExistsError": 2,
    "PreconditionError": 2,
    "TimedOutError": 4,
    "UnavailableError": 5,
    "UnauthenticatedError": 6,
    "DeniedError": 6,
    "CapacityError": 7,
    "StoppedError": 8,
    "StartError": 1,
    "DataLossError": 1,
    "InternalError": 1,
}


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    documented = [
        line.split("──")[1].split()[0]
        for line in (errors.__doc__ or "").splitlines()
        if "──" in line
    ]
    assert sorted(documented) == sorted(one.__name__ for one in CLASSES)
    assert sorted(EXIT_CODES) == sorted(documented)


@pytest.mark.parametrize("error", CLASSES, ids=lambda one: one.__name__)
def test_exit_code_message_and_hint(error: type[ArgoexecError]) -> None:
    assert error.exit_code == EXIT_CODES[error.__name__]
    raised = error("what happened", hint="what to do")
    assert (str(raised), raised.message, raised.hint) == (
        "what happened",
        "what happened",
        "what to do",
    )
    assert error("x").hint == ""


def test_exit_codes_do_not_change() -> None:
    assert [int(code) for code in ExitCode] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 130]
