"""Output parameters: files that the executor reads when the container has ended."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import pytest

from argoexec_cli.errors import InvalidError
from argoexec_cli.models.base import decode
from argoexec_cli.models.executor import Executor
from argoexec_cli.models.meta import ObjectMeta
from argoexec_cli.models.pod import Pod, PodSpec
from argoexec_cli.models.record import FileParameter, OutputsWanted, PodRequest
from tests.executors.conformance_case import main
from tests.executors.pods import run

_VOLUME: Final = {"volumes": [{"name": "v", "emptyDir": {}}]}


class OutputCase(NamedTuple):
    """A script, the files that are wanted of it, and what they come to: values or a message."""

    name: str
    script: str
    wanted: tuple[FileParameter, ...]
    values: Mapping[str, str] = MappingProxyType({})
    message: str = ""
    mounts: tuple[dict[str, Any], ...] = ()

    def to_request(self) -> PodRequest:
        """Return the request that runs the case's pod."""
        spec = {"containers": [main(self.script, volumeMounts=list(self.mounts))], **_VOLUME}
        return PodRequest(
            pod=Pod(metadata=ObjectMeta(name="a"), spec=decode(spec, PodSpec)),
            outputs=OutputsWanted(parameters=self.wanted),
        )


def _file(path: str, name: str = "p", default: str | None = None) -> FileParameter:
    return FileParameter(name=name, path=path, default=default)


CASES: Final = (
    OutputCase(
        "one-newline-less", "printf 'a b\\n\\n' > /tmp/p", (_file("/tmp/p"),), {"p": "a b\n"}
    ),
    OutputCase(
        "where-no-directory-is", "echo x > /not/there/p", (_file("/not/there/p"),), {"p": "x"}
    ),
    OutputCase(
        "several-in-their-order",
        "echo 2 > /tmp/b; echo 1 > /tmp/a",
        (_file("/tmp/b", "b"), _file("/tmp/a", "a"), _file("/tmp/c", "c", "three")),
        {"b": "2", "a": "1", "c": "three"},
    ),
    OutputCase(
        "in-a-volume",
        "echo x > /v/p",
        (_file("/v/p"), _file("/v/none", "n", "d")),
        {"p": "x", "n": "d"},
        mounts=({"name": "v", "mountPath": "/v"},),
    ),
    OutputCase(
        "in-a-part-of-a-volume",
        "echo x > /v/p",
        (_file("/v/p"),),
        {"p": "x"},
        mounts=({"name": "v", "mountPath": "/v", "subPath": "deep/er"},),
    ),
    OutputCase("missing", "true", (_file("/tmp/p"),), message="output parameter p: /tmp/p was not"),
    OutputCase(
        "missing-in-a-volume",
        "true",
        (_file("/v/p"),),
        message="output parameter p: /v/p was not written",
        mounts=({"name": "v", "mountPath": "/v"},),
    ),
    OutputCase(
        "a-directory",
        "true",
        (_file("/v"),),
        message="/v is not a file",
        mounts=({"name": "v", "mountPath": "/v"},),
    ),
    OutputCase("of-a-task-that-failed", "echo x > /tmp/p; exit 3", (_file("/tmp/p"),), {"p": "x"}),
)
REAL: Final = (
    OutputCase(
        "a-link-is-not-followed",
        "ln -s /etc/hostname /v/p",
        (_file("/v/p"),),
        message="output parameter p: /v/p: Too many levels of symbolic links",
        mounts=({"name": "v", "mountPath": "/v"},),
    ),
    OutputCase(
        "too-big",
        "head -c 262146 /dev/zero > /tmp/p",
        (_file("/tmp/p"),),
        message="output parameter p: /tmp/p has 262146 bytes, more than 262144",
    ),
    OutputCase("emptied", ": > /tmp/p", (_file("/tmp/p", default="d"),), {"p": ""}),
)


class OutputCases:
    """What every runtime does."""

    @pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
    async def test_output(self, executor: Executor, case: OutputCase) -> None:
        await _check(executor, case)


class RealOutputCases:
    """What needs a shell."""

    @pytest.mark.parametrize("case", REAL, ids=lambda case: case.name)
    async def test_real_output(self, executor: Executor, case: OutputCase) -> None:
        await _check(executor, case)


async def _check(executor: Executor, case: OutputCase) -> None:
    if "output-files" not in (await executor.info()).capabilities:
        with pytest.raises(InvalidError, match=r"outputs\.parameters"):
            await executor.run_pod(case.to_request())
        return
    record = await run(executor, case.to_request())
    try:
        status = record.pod.status
        assert {one.name: one.value for one in record.outputs.parameters} == case.values, status
        assert [one.name for one in record.outputs.parameters] == list(case.values)
        if case.message:
            assert (status.phase, status.reason) == ("Failed", "OutputError")
            assert case.message in status.message
        else:
            assert status.phase == ("Failed" if "exit" in case.script else "Succeeded")
            assert status.reason == ""
    finally:
        await executor.delete_pod(record.ref)
