"""The variables of a container (core/v1 EnvVar, EnvFromSource), and `$(NAME)` in texts."""

from __future__ import annotations

import re
from typing import Final

from argoexec_cli.executors.local.plan.sources import Sources
from argoexec_cli.models.pod import Container, EnvVar

_VARIABLE: Final = re.compile(r"\$(?:\$|\(([^()]*)\))")
_NAME: Final = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")


def resolve_env(container: Container, sources: Sources) -> tuple[tuple[str, str], ...]:
    """Return the variables with their values: `envFrom` in order, then `env`, a later one wins.

    `NotFoundError` for what is not there and not optional.
    """
    known: dict[str, str] = {}
    for source in container.env_from:
        for key, value in sources.all_of(source).items():
            name = source.prefix + key
            if _NAME.fullmatch(name):
                known[name] = value.decode("utf-8", "replace")
    for variable in container.env:
        text = _value(variable, container, sources, known)
        if text is not None:
            known[variable.name] = text
    return tuple(known.items())


def _value(
    variable: EnvVar, container: Container, sources: Sources, known: dict[str, str]
) -> str | None:
    if variable.value_from is None:
        return expand(variable.value, known)
    return sources.value(variable.value_from, container)


def expand(text: str, variables: dict[str, str]) -> str:
    """Replace `$(NAME)`; an unknown name stays as it is, and `$$` is a literal `$` (core/v1
    Container.command).
    """

    def value(match: re.Match[str]) -> str:
        if match[1] is None:
            return "$"
        return variables.get(match[1], match[0])

    return _VARIABLE.sub(value, text) if "$" in text else text
