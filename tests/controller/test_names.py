"""Names and ids, against values that Argo's own controller made."""

from __future__ import annotations

import re

import pytest

from argoexec_cli.controller.names import (
    check_label,
    check_subdomain,
    fnv1a,
    generate_name,
    node_id,
    pod_name,
)
from argoexec_cli.models.base import FieldError


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ("suspend-template-xjsg2[0].approve", "suspend-template-xjsg2-1771269240"),
        ("suspend-template-xjsg2[0]", "suspend-template-xjsg2-4125372399"),
        ("dag-diamond-82q7s.A", "dag-diamond-82q7s-1310542453"),
        ("dag-nested-zxlc2.D.B", "dag-nested-zxlc2-744943701"),
        ("work-avoidance-trkkq[1].echo(1:1)", "work-avoidance-trkkq-605537244"),
        ("subdag-iterate-jrfch.echo-group(2:baz).echo-bye", "subdag-iterate-jrfch-656740947"),
        ("hr-retry-replication.Retry-And-Loop(0:Id:1)(0)", "hr-retry-replication-1172938528"),
        ("retry-backoff-s69z6(1)", "retry-backoff-s69z6-130058153"),
        ("steps-inline-2bq8s(0)[0].hello(0)", "steps-inline-2bq8s-1818864107"),
        ("retry-script-6xt68.onExit", "retry-script-6xt68-3924170365"),
        ("exit-handlers-n7s4n.onExit[0].celebrate", "exit-handlers-n7s4n-134905866"),
        ("dag-containerset-qlmzl.A.main", "dag-containerset-qlmzl-70023156"),
    ],
)
def test_node_ids_are_argos(node: str, expected: str) -> None:
    assert node_id(expected.rpartition("-")[0], node) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", 2166136261),
        ("agent", 1340600742),
        ("my-wf[0].build", 3196233337),
        ("my-wf.A", 14620098),
        ("my-wf[0].print(0:foo)", 2727266691),
        ("my-wf.A(1)", 4145277436),
    ],
)
def test_the_hash_is_fnv1a(text: str, value: int) -> None:
    assert fnv1a(text) == value


def test_the_root_node_and_its_pod_are_named_like_the_workflow() -> None:
    assert node_id("wf", "wf") == "wf"
    assert pod_name("wf", "wf", "say") == "wf"


def test_other_pods_have_the_template_and_the_hash_in_their_name() -> None:
    assert pod_name("my-wf", "my-wf.A", "say") == "my-wf-say-14620098"
    assert pod_name("my-wf", "my-wf.A", "t" * 300) == f"my-wf-{'t' * 236}-14620098"


def test_generated_names_are_kubernetes() -> None:
    name = generate_name("hello-")
    assert re.fullmatch(r"hello-[bcdfghjklmnpqrstvwxz2456789]{5}", name)
    assert generate_name("hello-") != name
    assert len(generate_name("x" * 100)) == 63


@pytest.mark.parametrize("name", ["", "A", "-a", "a-", "a_b", "a" * 64, "a..b", "a b", "ä"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(FieldError, match="is not a valid name"):
        check_subdomain(name, "metadata.name")


def test_only_workflows_may_have_dots() -> None:
    check_subdomain("a.b-1.c", "metadata.name")
    check_label("a-1", "metadata.namespace")
    with pytest.raises(FieldError, match=r"^metadata.namespace: 'a.b' is not a valid name"):
        check_label("a.b", "metadata.namespace")
