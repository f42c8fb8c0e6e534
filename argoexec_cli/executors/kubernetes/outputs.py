"""What a pod that has ended came to: its exit code, and its output as result."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from argoexec_cli.errors import InvalidError, NotFoundError
from argoexec_cli.executors.kubernetes.loglines import Lines, Position
from argoexec_cli.executors.kubernetes.outfile import read_file
from argoexec_cli.executors.kubernetes.records import (
    exit_of,
    main_container,
    request_of,
    status_of,
)
from argoexec_cli.kube.base import Kube, LogWanted, Object
from argoexec_cli.kube.errors import NotReadyError
from argoexec_cli.models.record import RESULT_LIMIT_BYTES, OutputsWanted, PodOutputs

_REMEMBERED: Final = 1000


class Outputs:
    """Reads each pod's log once, and remembers the last thousand results."""

    def __init__(self, kube: Kube) -> None:
        """Read from *kube*."""
        self._kube = kube
        self._known: OrderedDict[str, PodOutputs] = OrderedDict()

    async def of(self, pod: Object) -> PodOutputs:
        """Return the outputs of a pod, none before it has ended."""
        status, request = status_of(pod), request_of(pod)
        wanted, uid = request.outputs, pod["metadata"]["uid"]
        if not status.terminal or not _anything(wanted):
            return PodOutputs()
        if uid in self._known:
            return self._known[uid]
        container = main_container(request)
        end = exit_of(status, container)
        outputs = PodOutputs(
            result=await self._result(pod, container) if wanted.result and end else None,
            exit_code=str(end.exit_code) if wanted.exit_code and end else None,
            parameters=read_file(request, end) if end else (),
        )
        self._known[uid] = outputs
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return outputs

    async def _result(self, pod: Object, container: str) -> str:
        """Return the end of what the container wrote, as Argo cuts it."""
        meta = pod["metadata"]
        lines, text = Lines(Position()), b""
        wanted = LogWanted(container, stream="Stdout")
        try:
            async for piece in self._kube.logs(meta["name"], meta["namespace"], wanted):
                if (chunk := lines.feed(piece)) is not None:
                    text = (text + chunk.data)[-RESULT_LIMIT_BYTES - 1 :]
            if (chunk := lines.end()) is not None:
                text += chunk.data
        except (InvalidError, NotFoundError, NotReadyError):
            pass  # the node has removed the log already: what is there counts
        return text.removesuffix(b"\n")[-RESULT_LIMIT_BYTES:].decode(errors="replace")


def _anything(wanted: OutputsWanted) -> bool:
    return wanted.result or wanted.exit_code or bool(wanted.parameters)
