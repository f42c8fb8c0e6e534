"""Work that libraries do when they are imported, put off until somebody needs its result.

For what the commands never need and yet would wait for: it is a fifth of a short one's start.
"""

from __future__ import annotations

import gc
import re
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


def postpone_modules(*names: str, backports: Mapping[str, ModuleType] | None = None) -> None:
    """Have `import NAME` load the module when something of it is used for the first time.

    A module of *backports* is not loaded for what the newer module beside it has under that name.

    Unlike `importlib.util.LazyLoader`, which in Python 3.11 loads it at the second `import`.
    What is loaded already stays as it is.
    """
    backports = backports or {}
    sys.meta_path.insert(0, _Finder({**dict.fromkeys(names), **backports}))


class _Finder:
    def __init__(self, names: Mapping[str, ModuleType | None]) -> None:
        self._names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._names:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            # Not by importlib.abc, which would load forty modules.
            spec.loader = _Loader(spec.loader, self._names[fullname])  # type: ignore[assignment]
        return spec


class _Loader:
    def __init__(self, loader: Any, newer: ModuleType | None) -> None:
        self.loader = loader
        self.newer = newer

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Postponed(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Leave that to the first use."""


class _Postponed(ModuleType):
    def __getattr__(self, name: str) -> Any:
        loader: Any = self.__spec__ and self.__spec__.loader
        # `from module import *` asks for __all__ first; the rest is asked by who imports or looks.
        hidden = name.startswith("__") and name != "__all__"
        if hidden or not isinstance(loader, _Loader):
            raise AttributeError(name)
        if loader.newer is not None and hasattr(loader.newer, name):
            return getattr(loader.newer, name)
        with _loading:
            if isinstance(self, _Postponed):
                if self in _half_loaded:
                    raise AttributeError(name)
                _half_loaded.append(self)
                try:
                    loader.loader.exec_module(self)
                    self.__class__ = ModuleType  # type: ignore[assignment] # an ordinary one now
                finally:
                    _half_loaded.remove(self)
        return getattr(self, name)


_loading = threading.RLock()
_half_loaded: list[ModuleType] = []
"""What asks itself for something, while it is being loaded, does not have it yet."""


@contextmanager
def patterns_postponed() -> Iterator[None]:
    """Have modules that are imported meanwhile compile each regular expression at its first use."""
    before = re.compile
    re.compile = _Pattern  # type: ignore[assignment]
    try:
        yield
    finally:
        re.compile = before


_compile = re.compile


class _Pattern:
    """Has the methods of the pattern that it becomes, and goes for one: `re.match` takes it."""

    def __init__(self, *given: Any) -> None:
        self._given = given

    @property  # type: ignore[misc] # for `isinstance`, which is all that reads it
    def __class__(self) -> type:
        return re.Pattern

    def __getattr__(self, name: str) -> Any:
        if not hasattr(re.Pattern, name):  # `abc` asks for one when a class has patterns
            raise AttributeError(name)
        found = getattr(_compile(*self._given), name)
        setattr(self, name, found)
        return found


@contextmanager
def collections_postponed() -> Iterator[None]:
    """Have the garbage collector not look meanwhile, nor later at what is there by then.

    For a start: loading modules makes many objects and no garbage.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
