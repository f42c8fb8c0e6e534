"""One test for each conformance case, by name."""

from __future__ import annotations

import pytest

from tests.executors.casebook import Casebook


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give `test_case` of every casebook the names of its cases."""
    if metafunc.cls and issubclass(metafunc.cls, Casebook) and "name" in metafunc.fixturenames:
        metafunc.parametrize("name", [case.name for case in metafunc.cls.cases])
