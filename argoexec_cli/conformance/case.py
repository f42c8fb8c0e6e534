"""A conformance case: a Pod as a person writes it, and what has to become of it.

The files in `cases/` hold one topic each, a list of these. They say only what differs: a container
without `image` gets the one small image that all cases use.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from argoexec_cli.models.base import Model
from argoexec_cli.models.config import ConfigMap, Secret
from argoexec_cli.models.record import File, OutputsWanted


class Pattern(Model, kw_only=True):
    """A text that is not known to the letter: a regular expression for all of it, or a part."""

    matches: str = ""
    contains: str = ""


Text = str | Pattern


class Refusal(Model, kw_only=True):
    """The executor does not accept the pod: the class of the error (as on the wire), the path of
    the field that its message begins with, and more of the message.
    """

    code: str = "INVALID_ARGUMENT"
    path: str = ""
    message: Text = Pattern()


class ContainerExpected(Model, kw_only=True):
    """How a container ends. What is not said is not looked at."""

    exit_code: int | None = None
    signal: int | None = None
    reason: str | None = None
    message: Text | None = None
    restarts: int | None = None
    waiting: str | None = None


class Outputs(Model, kw_only=True):
    """What is collected. `parameters` are all of them, in order."""

    result: str | None = None
    exit_code: str | None = None
    parameters: dict[str, str] | None = None


class Expected(Model, kw_only=True):
    """What the pod's record and logs say in the end.

    `logs` are whole logs by container, in the order of the lines; `stdout` and `stderr` one stream
    of them. `events` are in this order among others: a reason, or a reason and a container;
    `absent` are reasons of events that must not be there. `gone`: the pod was deleted and is not
    found.
    """

    refused: Refusal | None = None
    gone: bool = False
    phase: Literal["Succeeded", "Failed"] = "Succeeded"
    reason: str = ""
    message: Text | None = None
    containers: dict[str, ContainerExpected] = msgspec.field(default_factory=dict)
    logs: dict[str, Text] = msgspec.field(default_factory=dict)
    stdout: dict[str, Text] = msgspec.field(default_factory=dict)
    stderr: dict[str, Text] = msgspec.field(default_factory=dict)
    outputs: Outputs = Outputs()
    events: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    status: dict[str, Text] = msgspec.field(default_factory=dict)
    conditions: dict[str, str] = msgspec.field(default_factory=dict)


class Step(Model, kw_only=True):
    """Something that is done while the pod runs; the next step waits for it.

    wait: until `container` has written `log`, or waits for the reason `waiting`, or was restarted
    `restarts` times, or is ready; or the pod is in `phase` or has its `conditions`. stop: with
    `grace_seconds`. delete. submit: the same request again, which must be the same pod. restart:
    the executor itself, as after an update of argoexec. connect: send text `send` to `port` of this
    machine.
    """

    do: Literal["wait", "stop", "delete", "submit", "restart", "connect"]
    container: str = "main"
    log: str = ""
    waiting: str = ""
    restarts: int = 0
    ready: bool = False
    phase: str = ""
    conditions: dict[str, str] = msgspec.field(default_factory=dict)
    grace_seconds: float | None = None
    port: int = 0
    send: str = ""


class Case(Model, kw_only=True):
    """A named case.

    `pod` is plain data: that it is refused while it is read may be what is expected. `needs` names
    capabilities of the executor; `processes`, which every engine has and the scripted fake has not,
    unless the list says otherwise. `grants` is what policy has to allow, in the words of
    `ExecutorInfo.granted`, and `denied` what it must not.
    """

    name: str
    pod: dict[str, Any]
    config_maps: tuple[ConfigMap, ...] = ()
    secrets: tuple[Secret, ...] = ()
    files: tuple[File, ...] = ()
    outputs: OutputsWanted = OutputsWanted()
    needs: tuple[str, ...] = ("processes",)
    grants: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    expect: Expected = Expected()
    topic: str = ""

    @property
    def connects(self) -> bool:
        """Whether the executor has to be on this machine."""
        return any(step.do == "connect" for step in self.steps)

    @property
    def restarts_executor(self) -> bool:
        """Whether it disturbs every other case that runs at the same time."""
        return any(step.do == "restart" for step in self.steps)
