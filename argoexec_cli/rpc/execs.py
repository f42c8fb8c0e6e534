"""Further commands on the wire: `models.exec` to messages and back."""

from __future__ import annotations

from argoexec_cli.models.exec import ExecRequest, Output, TerminalSize
from argoexec_cli.models.logs import STDERR
from argoexec_cli.rpc.gen.argoexec.v1alpha1 import exec_pb2
from argoexec_cli.rpc.records import ref_from_message, ref_to_message


def request_to_message(request: ExecRequest) -> exec_pb2.ExecInput:
    """Return the first message of a call."""
    start = exec_pb2.ExecStart(
        ref=ref_to_message(request.ref),
        container=request.container,
        command=request.command,
        stdin=request.stdin,
        tty=request.tty,
        size=_size(request.size),
    )
    return exec_pb2.ExecInput(start=start)


def request_from_message(start: exec_pb2.ExecStart) -> ExecRequest:
    """Return what a client asks for."""
    size = size_from_message(start.size) if start.HasField("size") else TerminalSize()
    return ExecRequest(
        ref=ref_from_message(start.ref),
        container=start.container,
        command=tuple(start.command),
        stdin=start.stdin,
        tty=start.tty,
        size=size,
    )


def resize_to_message(size: TerminalSize) -> exec_pb2.ExecInput:
    """Return the message for a new size."""
    return exec_pb2.ExecInput(resize=_size(size))


def size_from_message(size: exec_pb2.TerminalSize) -> TerminalSize:
    """Return the size that a message tells."""
    return TerminalSize(columns=size.columns, rows=size.rows)


def output_to_message(output: Output) -> exec_pb2.ExecOutput:
    """Return the message for something that was written."""
    if output.stream == STDERR:
        return exec_pb2.ExecOutput(stderr=output.data)
    return exec_pb2.ExecOutput(stdout=output.data)


def _size(size: TerminalSize) -> exec_pb2.TerminalSize:
    return exec_pb2.TerminalSize(columns=size.columns, rows=size.rows)
