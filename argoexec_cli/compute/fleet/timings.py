"""How long each step took, and who took it: the tools, or we."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from argoexec_cli.compute.events import Source, Step
from argoexec_cli.models.base import Model

_ENDS: Final = ("done", "changed", "skipped", "failed")
_TOOLS: Final = ("terraform", "boot")
_INSTALL: Final = "Install "
"""How the names of the roles' tasks begin that wait for packages."""


class Span(Model, kw_only=True):
    """One step from its start to its end, in seconds after the run began."""

    source: Source
    action: str
    subject: str = ""
    begin_s: float
    end_s: float
    state: str = ""


class Timings(msgspec.Struct, kw_only=True):
    """Collects steps into spans; give `add` to whoever tells of steps."""

    began: datetime
    spans: list[Span] = msgspec.field(default_factory=list)
    _open: dict[tuple[str, str, str], datetime] = msgspec.field(default_factory=dict)

    def add(self, step: Step) -> None:
        """Take note of *step*. An end without a start began when it ended."""
        key = (step.source, step.subject, step.action)
        if step.state == "started":
            self._open[key] = step.at
        elif step.state in _ENDS:
            begin = self._open.pop(key, step.at)
            self.spans.append(
                Span(
                    source=step.source,
                    action=step.action,
                    subject=step.subject,
                    begin_s=(begin - self.began).total_seconds(),
                    end_s=(step.at - self.began).total_seconds(),
                    state=step.state,
                )
            )

    def ours_s(self, total_s: float) -> float:
        """Return the seconds in which nothing was made, booted or installed on any host."""
        busy = sorted((s.begin_s, s.end_s) for s in self.spans if _by_others(s))
        covered, until = 0.0, 0.0
        for begin, end in busy:
            covered += max(0.0, end - max(begin, until))
            until = max(until, end)
        return total_s - covered


def _by_others(span: Span) -> bool:
    installs = span.source == "ansible" and span.action.startswith(_INSTALL)
    return installs or span.source in _TOOLS
