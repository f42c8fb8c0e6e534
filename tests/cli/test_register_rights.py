"""What `register` and `serve --cluster` need in a cluster: the roles of `examples/kubernetes/
register.yaml` suffice, and nothing in them is not asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from argoexec_cli.argo.register.carrying import carry_out
from argoexec_cli.argo.register.manifests import AGENT_RULES, PLUGIN_RULES, STATUS_RULES
from argoexec_cli.argo.register.verifying import Patience
from argoexec_cli.cli.cluster_registry import open_cluster_registry
from argoexec_cli.controller.registry import CONFIG_MAP
from argoexec_cli.kube.resources import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    CONFIG_MAPS,
    ROLE_BINDINGS,
    ROLES,
    WORKFLOWS,
)
from tests.argo.packaging.test_rights import SHIPPED, Right, asked, rights_of
from tests.argo.register.installs import install
from tests.cli.conftest import Cli
from tests.cli.test_cluster_registry import until
from tests.kube.cluster import FakeCluster

OWN: Final = ("create", "authorization.k8s.io", "selfsubjectaccessreviews")
"""Everybody may: system:basic-user."""

AT: Final = ("--endpoint", "10.0.0.1:7401")


class Person:
    """Somebody with one of the shipped roles, and the command line."""

    def __init__(self, cli: Cli, cluster: FakeCluster, directory: Path) -> None:
        """Have no rights yet."""
        self.cli, self.cluster = cli, cluster
        self.file = cluster.kubeconfig(directory / "me", token=cluster.account("me", "argo"))

    def give(self, name: str, where: str = "") -> set[Right]:
        """Bind the role as its comment says, in one namespace if *where* is given; the cluster is
        strict from now on.
        """
        roles = list(yaml.safe_load_all((SHIPPED / "register.yaml").read_text()))
        role = next(one for one in roles if one["metadata"]["name"] == name)
        subject = {"kind": "ServiceAccount", "name": "me", "namespace": "argo"}
        binding: dict[str, Any] = {"metadata": {"name": name}, "subjects": [subject]}
        binding["roleRef"] = {"kind": role["kind"], "name": name}
        if role["kind"] == "Role":
            self.cluster.add(ROLES, role)
            self.cluster.add(ROLE_BINDINGS, binding, namespace="argo")
        else:
            self.cluster.add(CLUSTER_ROLES, role)
            kind = ROLE_BINDINGS if where else CLUSTER_ROLE_BINDINGS
            self.cluster.add(kind, binding, namespace=where)
        self.cluster.rbac = True
        return rights_of(role["rules"])

    def __call__(self, *words: str, code: int = 0) -> str:
        """Run `register`, which is to end with *code*; return what it says."""
        outcome = self.cli("register", *words, "--kubeconfig", str(self.file))
        assert outcome.code == code, outcome.err
        return outcome.err

    def set_up(self, *route: str) -> None:
        """Set a route up and take it back."""
        self(*route, "--check", code=1)
        self(*route, "--canary", "--yes")
        self(*route, "--check")
        said = self(*route, "--canary")
        assert "nothing to change in the cluster" in said
        assert " succeeded\n" in said
        self("--revert", "--yes")

    def asked(self) -> set[Right]:
        """Return what was asked for; to apply an object that is not there is to create it, too."""
        applied = {
            ("create", one.resource.group, one.resource.plural)
            for one in self.cluster.asked
            if one.applies
        }
        return (asked(self.cluster, "me") | applied) - {OWN}


@pytest.fixture
def person(alone: Cli, cluster: FakeCluster, tmp_path: Path) -> Person:
    """Give somebody without rights."""
    return Person(alone, cluster, tmp_path)


@pytest.fixture
def argo(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a controller in the cluster, whose workflows succeed at once."""
    install(cluster, {}, status_rule=False)
    monkeypatch.setattr(carry_out, "__defaults__", (Patience(steady_s=1.0),))

    def succeed() -> None:
        for found in cluster.store.all(WORKFLOWS):
            if "status" not in found:
                cluster.store.put(WORKFLOWS, found | {"status": {"phase": "Succeeded"}})

    cluster.store.listeners.add(succeed)
    yield
    cluster.store.listeners.discard(succeed)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    """Give the options for a client's certificate."""
    words = []
    for option in ("--client-ca", "--client-cert", "--client-key"):
        path = tmp_path / option.strip("-")
        path.write_text("-----BEGIN X-----\n")
        words += [option, str(path)]
    return tuple(words)


def test_an_executor_in_the_registry(person: Person) -> None:
    given = person.give("argoexec-register-executor")
    person("mine", *AT, "--default", "--yes")
    person("mine", *AT, "--check")
    person("-n", "argo")
    person("--revert", "--yes", "-n", "argo")
    assert person.asked() == given


@pytest.mark.usefixtures("argo")
def test_the_route_by_a_plugin(
    person: Person, cluster: FakeCluster, files: tuple[str, ...]
) -> None:
    given = person.give("argoexec-register-plugin")
    route = ("--route", "plugin", *AT, *files, "--enable-plugins")
    person.set_up(*route, "--workflow-namespace", "work")
    narrow(person, cluster, "argoexec-register-plugin")
    person.set_up(*route)
    assert given == person.asked() | rights_of(PLUGIN_RULES)


@pytest.mark.usefixtures("argo")
def test_the_route_by_an_agent(
    person: Person, cluster: FakeCluster, files: tuple[str, ...]
) -> None:
    given = person.give("argoexec-register-agent")
    route = ("--route", "agent", *AT, *files, "--deploy")
    person.set_up(*route)
    narrow(person, cluster, "argoexec-register-agent")
    person.set_up(*route)
    assert given == person.asked() | rights_of(AGENT_RULES) | rights_of(STATUS_RULES)


def narrow(person: Person, cluster: FakeCluster, name: str) -> None:
    """Have a controller of one namespace, and the role only there."""
    install(cluster, {}, status_rule=False, args=["--namespaced"])
    cluster.store.remove(CLUSTER_ROLE_BINDINGS, "", name)
    person.give(name, "argo")


@pytest.mark.usefixtures("argo")
def test_all_that_a_role_binding_lacks_is_named_at_once(
    person: Person, cluster: FakeCluster
) -> None:
    person.give("argoexec-register-agent", "argo")
    said = person("--route", "agent", *AT, "--deploy", "--yes", code=6)
    assert "error: may not get clusterroles argoexec-agent\n" in said
    group, verbs = '["rbac.authorization.k8s.io"]', '["get", "create", "patch", "delete"]'
    for plural in ("clusterroles", "clusterrolebindings"):
        assert f'{{apiGroups: {group}, resources: ["{plural}"], verbs: {verbs}}}' in said
    tasks = 'resources: ["workflowtasksets"], verbs: ["get", "list", "watch"]}'
    assert "hint: add to a ClusterRole that a ClusterRoleBinding gives: {" in said
    assert tasks in said
    assert "deployments" not in said
    assert not cluster.calls("patch")


async def test_a_daemon_that_follows_the_registry(person: Person, cluster: FakeCluster) -> None:
    given = person.give("argoexec-registry-reader")
    manifest = {"metadata": {"name": CONFIG_MAP}, "data": {"executor": "local"}}
    cluster.add(CONFIG_MAPS, manifest, namespace="argo")
    async with open_cluster_registry([person.file], "", "argo") as registry:
        await until(lambda: bool(cluster.calls("watch", CONFIG_MAPS.plural)))
        assert registry.read().default == "local"
    assert person.asked() == given
