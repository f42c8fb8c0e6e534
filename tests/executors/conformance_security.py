"""Who containers run as, what they may do, and what policy keeps from them."""

from __future__ import annotations

from typing import Any, Final

import pytest

from argoexec_cli.errors import DeniedError
from argoexec_cli.models.base import decode
from argoexec_cli.models.executor import Executor
from argoexec_cli.models.pod import PodSpec
from argoexec_cli.models.record import PodQuery
from tests.executors.conformance_case import Case, check, main
from tests.executors.pods import request


def _as(script: str, own: dict[str, Any], **pod: Any) -> dict[str, Any]:
    return {"containers": [main(script, securityContext=own)], "securityContext": pod}


CASES: Final = (
    Case(
        name="user-and-group-of-the-container",
        spec=_as("id -u; id -g", {"runAsUser": 1001, "runAsGroup": 1002}, runAsUser=7),
        logs={"main": "1001\n1002\n"},
    ),
    Case(
        name="user-of-the-pod",
        spec=_as("id -u; id -G", {}, runAsUser=65534, runAsNonRoot=True, supplementalGroups=[9]),
        logs={"main": "65534\n.*\\b9\n"},
    ),
    Case(
        name="group-without-user",
        spec=_as("id -u; id -g", {"runAsGroup": 1002}),
        logs={"main": "0\n1002\n"},
    ),
    Case(
        name="fs-group-owns-volumes",
        spec={
            "securityContext": {"runAsUser": 1001, "fsGroup": 2002},
            "containers": [
                main(
                    "touch /v/x; stat -c %g /v /v/x; id -G",
                    volumeMounts=[{"name": "v", "mountPath": "/v"}],
                )
            ],
            "volumes": [{"name": "v", "emptyDir": {}}],
        },
        logs={"main": "2002\n2002\n.*\\b2002\n"},
    ),
    Case(
        name="read-only-root",
        spec={
            "containers": [
                main(
                    "touch /x 2>/dev/null || echo ro; touch /v/x && echo rw",
                    securityContext={"readOnlyRootFilesystem": True},
                    volumeMounts=[{"name": "v", "mountPath": "/v"}],
                )
            ],
            "volumes": [{"name": "v", "emptyDir": {}}],
        },
        logs={"main": "ro\nrw\n"},
    ),
    Case(
        name="no-capabilities",
        spec=_as("grep CapEff /proc/self/status", {"capabilities": {"drop": ["ALL"]}}),
        logs={"main": "CapEff:\\s+0{16}\n"},
    ),
    Case(
        name="one-usual-capability-after-all-were-dropped",
        spec=_as(
            "grep CapEff /proc/self/status",
            {"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}},
        ),
        logs={"main": "CapEff:\\s+0{13}400\n"},
    ),
    Case(
        name="no-new-privileges",
        spec=_as("grep NoNewPrivs /proc/self/status", {"allowPrivilegeEscalation": False}),
        logs={"main": "NoNewPrivs:\\s+1\n"},
    ),
    Case(
        name="processes-are-shared-when-asked-for",
        spec={
            "shareProcessNamespace": True,
            "containers": [
                main("sleep 3.25", "one"),
                main("until ps | grep -q '[3].25'; do sleep 0.05; done; echo seen", "two"),
            ],
        },
        logs={"two": "seen\n"},
    ),
    Case(
        name="host-aliases",
        spec={
            "hostAliases": [{"ip": "10.1.2.3", "hostnames": ["one", "two"]}],
            "containers": [main("grep 10.1.2.3 /etc/hosts")],
        },
        logs={"main": "10.1.2.3\\s+one.*two\n"},
    ),
    Case(
        name="host-aliases-of-several-containers",
        spec={
            "hostAliases": [{"ip": "10.1.2.3", "hostnames": ["one"]}],
            "containers": [main("grep 10.1.2.3 /etc/hosts", "x"), main("true", "y")],
        },
        logs={"x": "10.1.2.3\\s+one\n"},
    ),
)
ROOT: Final = (
    Case(
        name="non-root-and-the-image-says-nothing",
        spec=_as("true", {"runAsNonRoot": True}),
        phase="Failed",
        reason="CreateContainerConfigError",
        waiting={"main": "CreateContainerConfigError"},
    ),
    Case(
        name="non-root-and-user-0",
        spec=_as("true", {"runAsUser": 0}, runAsNonRoot=True),
        phase="Failed",
        reason="CreateContainerConfigError",
        waiting={"main": "CreateContainerConfigError"},
    ),
)
DENIED: Final[tuple[tuple[dict[str, Any], str], ...]] = (
    (_as("true", {"privileged": True}), "spec.containers[0].securityContext.privileged"),
    (
        _as("true", {"capabilities": {"add": ["SYS_ADMIN"]}}),
        "spec.containers[0].securityContext.capabilities.add (SYS_ADMIN)",
    ),
    ({"containers": [main("true")], "hostNetwork": True}, "spec.hostNetwork"),
    (
        {"containers": [main("true")], "volumes": [{"name": "v", "hostPath": {"path": "/"}}]},
        "spec.volumes[0].hostPath",
    ),
)


class SecurityCases:
    """What every runtime refuses."""

    @pytest.mark.parametrize(("spec", "path"), DENIED, ids=[path for _, path in DENIED])
    async def test_denied(self, executor: Executor, spec: dict[str, Any], path: str) -> None:
        with pytest.raises(DeniedError) as caught:
            await executor.run_pod(request(spec=decode(spec, PodSpec)))
        assert caught.value.message.startswith(f"{path} is not allowed")
        assert not (await executor.list_pods(PodQuery())).records

    @pytest.mark.parametrize("case", ROOT, ids=lambda case: case.name)
    async def test_root(self, executor: Executor, case: Case) -> None:
        await check(executor, case)


class RealSecurityCases:
    """What needs a kernel."""

    @pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
    async def test_security(self, executor: Executor, case: Case) -> None:
        await check(executor, case)
