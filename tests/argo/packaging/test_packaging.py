"""The image's recipe, the kustomize base, and rights that are enough and no more."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from argoexec_cli.argo.register import manifests
from argoexec_cli.argo.register.settings import AGENT_NAME, ClientFiles, Wanted
from argoexec_cli.errors import DeniedError
from argoexec_cli.executors.local.manager import LocalExecutor
from argoexec_cli.kube.connecting import open_cluster
from argoexec_cli.kube.resources import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, SECRETS, TASK_SETS
from tests.argo.agent.bench import Bench, say
from tests.argo.agent.controller import Controller
from tests.kube.cluster import FakeCluster

SHIPPED = Path(__file__).parents[3] / "examples" / "kubernetes"
BASE = SHIPPED / "base"


def documents(name: str) -> list[dict[str, Any]]:
    """Return the documents of a file of the base."""
    return list(yaml.safe_load_all((BASE / name).read_text()))


def test_the_base_is_what_register_makes() -> None:
    wanted = Wanted("argoexec.example:7401", image="argoexec")
    (deployment,) = documents("agent.yaml")
    made = manifests.agent_deployment("argo", wanted, "")
    assert {key: deployment[key] for key in made} == made
    _, role, binding = documents("rbac.yaml")
    pairs = manifests.role_and_binding(AGENT_NAME, "", manifests.AGENT_RULES, AGENT_NAME, "argo")
    assert [role["rules"], binding["subjects"]] == [pairs[0][1]["rules"], pairs[1][1]["subjects"]]
    listed = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    assert sorted(listed) == ["agent.yaml", "rbac.yaml"]


def test_the_image_runs_as_the_user_that_the_manifests_name() -> None:
    lines = (SHIPPED / "Containerfile").read_text().splitlines()
    security = documents("agent.yaml")[0]["spec"]["template"]["spec"]["containers"][0]
    user = security["securityContext"]["runAsUser"]
    assert f"USER {user}:{user}" in lines
    assert 'ENTRYPOINT ["argoexec"]' in lines


async def test_the_agent_gets_along_with_its_rights(
    cluster: FakeCluster, executor: LocalExecutor, tmp_path: Path
) -> None:
    _, role, binding = documents("rbac.yaml")
    cluster.add(CLUSTER_ROLES, role)
    cluster.add(CLUSTER_ROLE_BINDINGS, binding)
    cluster.rbac = True
    path = cluster.kubeconfig(tmp_path / "agent", token=cluster.account(AGENT_NAME, "argo"))
    controller = Controller(cluster)
    async with open_cluster([path]) as opened:
        bench = Bench(opened.client, executor, tmp_path)
        await bench.start()
        controller.add("wf-1", say("echo 42"))
        controller.operate()
        await bench.operated(controller, "wf-1")
        await bench.stop()
        assert controller.nodes["wf-1"]["outputs"]["result"] == "42"
        for call in (
            opened.client.list(SECRETS),
            opened.client.patch(TASK_SETS, "wf", "default", {"spec": None}),
        ):
            with pytest.raises(DeniedError):
                await call
    done = {(one.verb, one.resource.plural, one.subresource) for one in cluster.asked}
    assert ("patch", "workflowtasksets", "status") in done


def test_a_sidecars_certificate_goes_into_memory_for_its_owner_only(tmp_path: Path) -> None:
    wanted = Wanted("d:7401", files=ClientFiles("CA", "CERT", "KEY"))
    container = yaml.safe_load(
        manifests.plugin_config_map("argo", wanted)["data"]["sidecar.container"]
    )
    program = tmp_path / "argoexec"
    program.write_text('#!/bin/sh\necho "$@"; env | grep -c _KEY; cat "$7"; stat -c %a "$7"\n')
    program.chmod(0o755)
    memory = tmp_path / "memory"
    memory.mkdir()
    words = [word.replace("/dev/shm", str(memory)) for word in container["command"]]
    environment = {"CA_CRT": "CA", "TLS_CRT": "CERT", "TLS_KEY": "KEY"}
    names = {one["name"] for one in container["env"]}
    assert names == {"ARGOEXEC_SERVER", *environment}
    environment["PATH"] = f"{tmp_path}:/usr/bin:/bin"
    found = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    shown = found.stdout.replace(str(memory), "/dev/shm").splitlines()
    assert shown[0] == (
        "plugin --tls-ca /dev/shm/ca.crt --tls-cert /dev/shm/tls.crt --tls-key /dev/shm/tls.key"
    )
    assert shown[1:] == ["0", "KEY600"]
