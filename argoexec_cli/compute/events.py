"""What happens while hosts are made: one kind of event from every tool, for one display."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Literal

import msgspec

from argoexec_cli.errors import ArgoexecError

Source = Literal["preflight", "terraform", "boot", "ansible", "daemon", "probe", "record"]
State = Literal["started", "waiting", "done", "changed", "skipped", "failed"]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Something began, goes on or has ended.

    `subject` is whose: a host's name, the address of a Terraform resource, or empty for the fleet.
    `action` is what, in the words of a person; `source`, `subject` and `action` together tell which
    end belongs to which start. `detail` says why it waits or what failed; never a secret. `changed`
    and `done` both mean that it went well.
    """

    source: Source
    action: str
    state: State
    subject: str = ""
    detail: str = ""
    at: datetime = msgspec.field(default_factory=lambda: datetime.now(UTC))


OnStep = Callable[[Step], None]
"""Told of every step as it happens; must not block, and must not raise."""


@contextmanager
def told(on_step: OnStep, source: Source, action: str, subject: str) -> Iterator[None]:
    """Tell *on_step* that something begins, and in the end how it ended."""

    def say(state: State, detail: str = "") -> None:
        step = Step(source=source, action=action, state=state, subject=subject, detail=detail)
        on_step(step)

    say("started")
    try:
        yield
    except ArgoexecError as exc:
        say("failed", exc.message)
        raise
    say("done")
