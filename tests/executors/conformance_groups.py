"""Several containers in one pod: what they share, in which order they run, how they end."""

from __future__ import annotations

from typing import Any, Final

import pytest

from argoexec_cli.errors import InvalidError
from argoexec_cli.models.base import decode
from argoexec_cli.models.executor import Executor
from argoexec_cli.models.logs import LogQuery
from argoexec_cli.models.pod import PodSpec
from tests.executors.conformance_case import Case, check, main
from tests.executors.pods import ended, log, request, run, running, until


def sidecar(script: str, name: str = "side", **fields: Any) -> dict[str, Any]:
    """Return an init container that runs beside what comes after it."""
    return main(script, name, restartPolicy="Always", **fields)


_SHARED: Final = [{"name": "v", "mountPath": "/v"}]
CASES: Final = (
    Case(
        name="two-mains-run-at-once",
        spec={"containers": [main("sleep 0.3; echo 1", "one"), main("sleep 0.3; echo 2", "two")]},
        codes={"one": 0, "two": 0},
        logs={"one": "1\n", "two": "2\n"},
        real=False,
    ),
    Case(
        name="a-failing-main-lets-the-others-end",
        spec={"containers": [main("exit 4", "one"), main("sleep 0.5; echo 2", "two")]},
        phase="Failed",
        codes={"one": 4, "two": 0},
        logs={"two": "2\n"},
        real=False,
    ),
    Case(
        name="a-main-that-cannot-start-ends-the-others",
        spec={
            "containers": [
                main("true", "one") | {"command": ["no-such"]},
                main("sleep 60", "two"),
            ],
            "terminationGracePeriodSeconds": 0,
        },
        phase="Failed",
        reason="StartError",
        codes={"one": 128},
        real=False,
    ),
    Case(
        name="a-sidecar-ends-after-the-mains-and-does-not-count",
        spec={
            "initContainers": [
                sidecar("trap 'echo bye; exit 3' TERM; while :; do sleep 0.1; done")
            ],
            "containers": [main("sleep 0.5; echo done")],
        },
        codes={"side": 3, "main": 0},
        logs={"main": "done\n", "side": "bye\n"},
    ),
    Case(
        name="a-sidecar-that-ignores-term-is-killed",
        spec={
            "initContainers": [sidecar("trap '' TERM; sleep 60")],
            "containers": [main("echo done")],
            "terminationGracePeriodSeconds": 1,
        },
        codes={"side": 137, "main": 0},
        real=False,
    ),
    Case(
        name="init-containers-run-beside-earlier-sidecars",
        spec={
            "initContainers": [
                sidecar("echo up > /v/side; sleep 60", volumeMounts=_SHARED),
                main("until cat /v/side; do sleep 0.05; done", "init", volumeMounts=_SHARED),
            ],
            "containers": [main("cat /v/side", volumeMounts=_SHARED)],
            "volumes": [{"name": "v", "emptyDir": {}}],
            "terminationGracePeriodSeconds": 0,
        },
        logs={"init": "(cat: [^\n]*\n)*up\n", "main": "up\n"},
    ),
    Case(
        name="a-failing-init-container-ends-the-sidecar",
        spec={
            "initContainers": [sidecar("sleep 60"), main("exit 5", "init")],
            "containers": [main("echo never")],
            "terminationGracePeriodSeconds": 0,
        },
        phase="Failed",
        codes={"side": 137, "init": 5},
        logs={"main": ""},
    ),
    Case(
        name="a-sidecar-that-cannot-start-fails-the-pod",
        spec={
            "initContainers": [
                main("x", "side", restartPolicy="Always") | {"command": ["no-such"]}
            ],
            "containers": [main("echo never")],
        },
        phase="Failed",
        reason="StartError",
        codes={"side": 128},
        logs={"main": ""},
        real=False,
    ),
    Case(
        name="containers-share-network-and-volumes",
        spec={
            "containers": [
                # Its input stays open: at its end nc may hang up before it has read anything.
                main(
                    "mkfifo /tmp/open; nc -l -p 8080 <> /tmp/open; cat /v/x",
                    "one",
                    volumeMounts=_SHARED,
                ),
                main(
                    "echo shared > /v/x; until echo hello | nc 127.0.0.1 8080; do sleep 0.05; done",
                    "two",
                    volumeMounts=_SHARED,
                ),
            ],
            "volumes": [{"name": "v", "emptyDir": {}}],
        },
        logs={"one": "hello\nshared\n"},
    ),
    Case(
        name="the-host-name-is-the-pods-or-what-it-asks-for",
        spec={"hostname": "asked-for", "containers": [main("hostname; echo $HOSTNAME")]},
        logs={"main": "asked-for\nasked-for\n"},
    ),
    Case(
        name="a-message-about-the-end",
        spec={"containers": [main("echo done > /dev/termination-log", "a")]},
        messages={"a": "done\n"},
    ),
    Case(
        name="a-message-of-another-user-at-another-path",
        spec={
            "containers": [
                main(
                    "echo bad > /tmp/msg; exit 3",
                    terminationMessagePath="/tmp/msg",
                    securityContext={"runAsUser": 1001},
                )
            ]
        },
        phase="Failed",
        messages={"main": "bad\n"},
    ),
    Case(
        name="a-message-from-the-log",
        spec={
            "containers": [
                main(
                    "echo what went wrong; exit 3",
                    terminationMessagePolicy="FallbackToLogsOnError",
                )
            ]
        },
        phase="Failed",
        messages={"main": "what went wrong\n"},
        real=False,
    ),
    Case(
        name="a-host-name-for-several-containers",
        spec={"hostname": "both", "containers": [main("hostname", "one"), main("hostname", "two")]},
        logs={"one": "both\n", "two": "both\n"},
    ),
)


class GroupCases:
    """Several containers, on every runtime."""

    @pytest.mark.parametrize("case", [c for c in CASES if not c.real], ids=lambda case: case.name)
    async def test_group(self, executor: Executor, case: Case) -> None:
        await check(executor, case)

    async def test_a_stop_reaches_all(self, executor: Executor) -> None:
        spec = {
            "initContainers": [sidecar("sleep 60")],
            "containers": [main("sleep 60", "one"), main("sleep 60", "two")],
        }
        ref = (await executor.run_pod(request(spec=decode(spec, PodSpec)))).ref
        record = await until(
            executor,
            ref,
            lambda r: (
                all(c.ready for c in r.pod.status.container_statuses)
                and bool(r.pod.status.container_statuses)
            ),
        )
        conditions = {c.type: c.status for c in record.pod.status.conditions}
        assert conditions == dict.fromkeys(
            ("PodScheduled", "Initialized", "ContainersReady", "Ready"), "True"
        )
        assert record.pod.status.init_container_statuses[0].ready
        await executor.stop_pod(ref, 0.0)
        status = (await ended(executor, ref)).pod.status
        assert (status.phase, status.reason) == ("Failed", "Stopped")
        for one in (*status.init_container_statuses, *status.container_statuses):
            assert one.state.terminated is not None
            assert one.state.terminated.exit_code in (137, 143)

    async def test_outputs_are_of_the_container_that_is_named(self, executor: Executor) -> None:
        spec = decode(
            {"containers": [main("echo 1", "one"), main("echo 2; exit 3", "two")]}, PodSpec
        )
        record = await run(executor, request(spec=spec))
        assert (record.outputs.result, record.outputs.exit_code) == ("1", "0")
        with pytest.raises(InvalidError, match="one of: one, two"):
            await log(executor, record.ref)
        assert await log(executor, record.ref, LogQuery(container="two")) == b"2\n"

    async def test_what_runs_is_adopted_by_name(self, executor: Executor, reopen: Any) -> None:
        spec = {
            "initContainers": [sidecar("sleep 60")],
            "containers": [main("sleep 1; echo 1", "one"), main("sleep 1.5; exit 6", "two")],
            "terminationGracePeriodSeconds": 0,
        }
        ref = (await executor.run_pod(request(spec=decode(spec, PodSpec)))).ref
        await running(executor, ref)
        executor = await reopen()
        record = await ended(executor, ref)
        codes = [c.state.terminated for c in record.pod.status.container_statuses]
        assert [code and code.exit_code for code in codes] == [0, 6]
        assert record.pod.status.phase == "Failed"
        started = [e.container for e in record.events if e.reason == "Started"]
        assert sorted(started) == ["one", "side", "two"]


class RealGroupCases:
    """What needs real processes, a network or files."""

    @pytest.mark.parametrize("case", [c for c in CASES if c.real], ids=lambda case: case.name)
    async def test_real_group(self, executor: Executor, case: Case) -> None:
        await check(executor, case)
