"""Work that libraries do when they are imported, put off until somebody needs its result.

For what the commands never need and yet would wait for: it is a seventh of a short one's start.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType
from typing import Any


def postpone_module(name: str) -> None:
    """Have `import name` load the module when something of it is used for the first time.

    Unlike `importlib.util.LazyLoader`, which in Python 3.11 loads it at the second `import`.
    Nothing happens when it is loaded, or postponed, already.
    """
    if name in sys.modules or (spec := find_spec(name)) is None:
        return
    module = _Postponed(name)
    module.__spec__, module.__loader__, module.__file__ = spec, spec.loader, spec.origin
    module.__package__ = spec.parent
    sys.modules[name] = module


class _Postponed(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or self.__spec__ is None or self.__spec__.loader is None:
            raise AttributeError(name)
        self.__class__ = ModuleType  # type: ignore[assignment] # an ordinary one from here on
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


@contextmanager
def patterns_postponed() -> Iterator[None]:
    """Have modules that are imported meanwhile compile each regular expression at its first use."""
    compiled = re.compile
    re.compile = _Pattern  # type: ignore[assignment]
    try:
        yield
    finally:
        re.compile = compiled


class _Pattern:
    """Has the methods of the pattern that it becomes."""

    def __init__(self, *given: Any) -> None:
        self._given = given

    def __getattr__(self, name: str) -> Any:
        found = getattr(re.compile(*self._given), name)
        setattr(self, name, found)
        return found
