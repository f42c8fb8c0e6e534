"""Every error that argoexec raises on purpose.

    ArgoexecError
    ├── InvalidError            the request is wrong; sending it again cannot help
    │   └── UnsupportedFieldError   the field exists in Kubernetes or Argo, not here
    ├── UnsupportedError        this server, runtime or version cannot do it at all
    ├── NotFoundError           no such pod, container, image, workflow, file
    ├── AlreadyExistsError      the name is taken by something else
    ├── PreconditionError       wrong moment or machine: a tool is missing, a directory is in use
    ├── TimedOutError           it did not happen within the time that was given
    ├── UnavailableError        daemon, engine or registry does not answer; trying again may help
    ├── UnauthenticatedError    who are you; also asked of a server whose certificate is not right
    ├── DeniedError             you may not
    ├── CapacityError           no room: cpu, memory, disk, queue
    ├── StoppedError            somebody stopped it
    ├── StartError              the runtime could not start the container's command
    ├── DataLossError           something that was stored is damaged
    └── InternalError           a bug of ours

`message` says what happened, `hint` what to do next. `exit_code` is what a shell sees (the table is
in the README); `code` is the name of the gRPC status that carries the error, mapped in
`argoexec_cli.rpc.status`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What a shell sees. The numbers are part of the command line's contract."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    TIMED_OUT = 4
    UNREACHABLE = 5
    DENIED = 6
    NO_CAPACITY = 7
    STOPPED = 8
    INTERRUPTED = 130


class ArgoexecError(Exception):
    """Root of the tree; raise one of its subclasses."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED
    code: ClassVar[str] = "UNKNOWN"

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Keep *message* (one line, the cause) and *hint* (the next step, best a command)."""
        super().__init__(message)
        self.message = message
        self.hint = hint


class InvalidError(ArgoexecError):
    """The request itself is wrong: a field, a type, a flag."""

    exit_code = ExitCode.USAGE
    code = "INVALID_ARGUMENT"


class UnsupportedFieldError(InvalidError):
    """A field that Kubernetes or Argo know and we do not; the message names its path."""


class UnsupportedError(ArgoexecError):
    """The server, the runtime or its version cannot do this at all."""

    exit_code = ExitCode.USAGE
    code = "UNIMPLEMENTED"


class NotFoundError(ArgoexecError):
    """The named thing does not exist (any more)."""

    exit_code = ExitCode.NOT_FOUND
    code = "NOT_FOUND"


class AlreadyExistsError(ArgoexecError):
    """The name is taken, by something that differs from what was asked for."""

    exit_code = ExitCode.USAGE
    code = "ALREADY_EXISTS"


class PreconditionError(ArgoexecError):
    """The request is right, but the machine or the object is not in the state that it needs."""

    exit_code = ExitCode.USAGE
    code = "FAILED_PRECONDITION"


class TimedOutError(ArgoexecError):
    """It did not happen within the time that was given."""

    exit_code = ExitCode.TIMED_OUT
    code = "DEADLINE_EXCEEDED"


class UnavailableError(ArgoexecError):
    """A daemon, an engine or a registry does not answer; the same request may succeed later."""

    exit_code = ExitCode.UNREACHABLE
    code = "UNAVAILABLE"


class UnauthenticatedError(ArgoexecError):
    """One side cannot tell who the other is: a certificate, a host key or a login is not right."""

    exit_code = ExitCode.DENIED
    code = "UNAUTHENTICATED"


class DeniedError(ArgoexecError):
    """The other side knows who is asking, and policy says no."""

    exit_code = ExitCode.DENIED
    code = "PERMISSION_DENIED"


class CapacityError(ArgoexecError):
    """There is no room for it: cpu, memory, disk or queue."""

    exit_code = ExitCode.NO_CAPACITY
    code = "RESOURCE_EXHAUSTED"


class StoppedError(ArgoexecError):
    """Somebody stopped the thing that was waited for."""

    exit_code = ExitCode.STOPPED
    code = "ABORTED"


class StartError(ArgoexecError):
    """The runtime could not start the container's command (the kubelet's reason `StartError`, exit
    code 128).
    """

    code = "UNKNOWN"


class DataLossError(ArgoexecError):
    """Something that was stored can no longer be read as it was written."""

    code = "DATA_LOSS"


class InternalError(ArgoexecError):
    """A bug of ours; the daemon's log has the traceback."""

    code = "INTERNAL"
