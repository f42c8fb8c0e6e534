"""Faults on demand: what a test wants the next matching requests to end with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.kube.cluster.refusals import Refusal
from tests.kube.cluster.requests import Asked

CUT: Final = 0
"""A code that is none: the connection is cut instead of a reply."""


@dataclass
class Fault:
    """Ends the next *times* requests that match with *code* (`CUT`: without a reply).

    With *after* the request is done first, so only the reply is lost.
    """

    code: int
    verb: str = ""
    plural: str = ""
    subresource: str | None = None
    name: str = ""
    times: int = 1
    retry_after: int = 0
    message: str = "as the test wants it"
    after: bool = False

    def take(self, asked: Asked, *, after: bool) -> bool:
        """Tell whether it is this request's turn."""
        wanted = asked.matches(self.verb, self.plural, self.subresource, self.name)
        if after != self.after or not self.times or not wanted:
            return False
        self.times -= 1
        return True

    def refusal(self) -> Refusal:
        """Return what the server answers."""
        return Refusal(self.code, self.message, retry_after=self.retry_after)
