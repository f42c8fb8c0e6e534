"""How a command declares its options and arguments: data that costs nothing to import.

Two readers use it. `cli.fast` reads well-formed command lines with it. `cli.app` makes a typer
program of it, which writes help, completes words and explains usage errors; importing typer takes
several times as long as everything else that a short command does.

Where short commands declare, `from __future__ import annotations` is left out: it makes types
strings, and each would be compiled at every start.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, get_args, get_origin, get_type_hints

Complete = Callable[[Any, str], list[str]]
REQUIRED: Final = object()
"""Stands for the default of a parameter that has none."""


class Option:
    """An option. Without *names* it is the parameter's name with dashes."""

    def __init__(
        self,
        *names: str,
        help: str,
        metavar: str | None = None,
        min: int | None = None,
        complete: Complete | None = None,
    ) -> None:
        """Declare; *complete* offers words to the shell."""
        self.names = names
        self.help = help
        self.metavar = metavar
        self.min = min
        self.complete = complete


class Argument:
    """A word without an option in front; a list takes all that are left."""

    def __init__(self, *, metavar: str, help: str, complete: Complete | None = None) -> None:
        """Declare; *complete* offers words to the shell."""
        self.help = help
        self.metavar = metavar
        self.complete = complete


class Param(NamedTuple):
    """A parameter of a command: its type without the declaration, and its default or REQUIRED."""

    name: str
    type: Any
    declared: Option | Argument
    default: Any

    @property
    def flags(self) -> tuple[str, ...]:
        """Return the spellings of an option; an argument has none."""
        if isinstance(self.declared, Argument):
            return ()
        return self.declared.names or (f"--{self.name.replace('_', '-')}",)


class Signature:
    """The parameters of a command. One whose type is a NamedTuple stands for its fields."""

    def __init__(self, command: Callable[..., Any], common: Any) -> None:
        """Read the signature of *command* after its session; *common* is a NamedTuple for all."""
        hints = get_type_hints(command, include_extras=True)
        own = _parameters(command)[1:]
        self._common = common
        self._bundles = {name: hints[name] for name, _ in own if hasattr(hints[name], "_fields")}
        self.params: list[Param] = []
        for name, default in own:
            if name in self._bundles:
                self.params += fields_of(self._bundles[name])
            else:
                self.params.append(_param(name, hints[name], default))
        self.params += fields_of(common)

    def split(self, given: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Return the common options, and the arguments for a call of the command."""
        common = _take(given, self._common)
        return common, given | {
            name: _take(given, bundle) for name, bundle in self._bundles.items()
        }


def _take(given: dict[str, Any], bundle: Any) -> Any:
    """Move the fields of *bundle* out of *given*."""
    return bundle(**{name: given.pop(name) for name in bundle._fields})


def _parameters(command: Any) -> list[tuple[str, Any]]:
    """Return name and default of each parameter, as `inspect.signature` would, which takes longer
    to import than a command line takes to read.
    """
    code = command.__code__
    names = code.co_varnames[: code.co_argcount]
    defaults = command.__defaults__ or ()
    required = [REQUIRED] * (len(names) - len(defaults))
    return list(zip(names, [*required, *defaults], strict=True))


def fields_of(bundle: Any) -> list[Param]:
    """Return the parameters that a NamedTuple declares."""
    hints = get_type_hints(bundle, include_extras=True)
    defaults = bundle._field_defaults
    return [_param(name, hints[name], defaults.get(name, REQUIRED)) for name in bundle._fields]


def _param(name: str, annotation: Any, default: Any) -> Param:
    plain, declared = get_args(annotation)[:2]
    return Param(name, plain, declared, default)


def is_list(kind: Any) -> bool:
    """Tell whether a parameter of that type may be given several times."""
    return get_origin(kind) is list or any(get_origin(one) is list for one in get_args(kind))
