"""Templates become requests."""

from __future__ import annotations

from typing import Any

import pytest

from argoexec_cli.argo.translate.request import Identity, Owner, delegate
from argoexec_cli.argo.translate.template import is_ours
from argoexec_cli.errors import InvalidError
from tests.argo.translate import golden

MAIN = {"image": "busybox", "command": ["true"]}


@pytest.mark.parametrize("name", golden.names())
def test_a_template_becomes_the_request_of_its_golden_file(name: str) -> None:
    made = delegate(golden.template(name), golden.OWNER, golden.IDENTITY)
    assert golden.rendered(made) == golden.expected(name).read_text()


def test_the_same_task_is_the_same_pod_and_another_is_another() -> None:
    def uid(owner: Owner, key: str) -> str:
        made = delegate(_container(), owner, Identity(key, "1"))
        return made.request.pod.metadata.uid

    one = Owner("argo", "wf", "u1")
    assert uid(one, "a") == uid(one, "a")
    assert len({uid(one, "a"), uid(one, "b"), uid(Owner("argo", "wf", "u2"), "a")}) == 3


def test_a_name_stays_within_its_length() -> None:
    owner = Owner("argo", "w" * 200, "u")
    made = delegate(_container() | {"name": "t" * 200}, owner, Identity("k", "4294967295"))
    name = made.request.pod.metadata.name
    assert len(name) == 253
    assert name.endswith(f"t-4294967295-{made.request.pod.metadata.uid[:5]}")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"plugin": {"argoexec": {}}}, "plugin.argoexec: needs exactly one of"),
        (
            {"plugin": {"argoexec": {"container": MAIN, "script": {"source": ""}}}},
            "plugin.argoexec: needs exactly one of",
        ),
        ({"plugin": {"argoexec": {"contianer": {}}}}, "plugin.argoexec.contianer is not supported"),
        ({"plugin": {"argoexec": "x"}}, "plugin.argoexec: expected object, got str"),
        (
            {"plugin": {"argoexec": {"container": {**MAIN, "lifecycle": {}}}}},
            "plugin.argoexec.container.lifecycle is not supported",
        ),
        (
            {"plugin": {"argoexec": {"container": {"command": ["a"]}}}},
            "plugin.argoexec.container.image: an image is required",
        ),
        (
            {"plugin": {"argoexec": {"container": {**MAIN, "name": "x"}}}},
            "plugin.argoexec.container.name: is always main",
        ),
        (
            {"plugin": {"argoexec": {"script": MAIN}}},
            "plugin.argoexec.script.source: the script's text is required",
        ),
        (
            {"plugin": {"argoexec": {"pod": {"containers": []}}}},
            "plugin.argoexec.pod.containers: at least one container",
        ),
        (
            {"plugin": {"argoexec": {"container": {**MAIN, "args": ["{{inputs.parameters.x}}"]}}}},
            r"plugin.argoexec.container.args\[0\]: {{inputs.parameters.x}} was not replaced",
        ),
        (
            {"plugin": {"argoexec": {"container": {**MAIN, "args": ["{{=1+1}}"]}}}},
            "{{=1\\+1}} was not replaced",
        ),
        ({"daemon": True}, "daemon is not supported"),
        ({"podSpecPatch": "{}"}, "podSpecPatch is not supported"),
        ({"volumes": [{"name": "v", "nfs": {}}]}, r"volumes\[0\].nfs is not supported"),
        ({"timeout": "soon"}, "timeout: 'soon' is not a duration"),
        ({"activeDeadlineSeconds": "1m"}, "activeDeadlineSeconds: '1m' is not a whole number"),
        ({"activeDeadlineSeconds": 0}, "activeDeadlineSeconds: must be greater than 0"),
        (
            {"inputs": {"artifacts": [{"name": "a", "path": "/a", "s3": {"key": "k"}}]}},
            r"inputs.artifacts\[0\]: only raw artifacts",
        ),
        ({"outputs": {"artifacts": [{"name": "a", "path": "/a"}]}}, r"outputs.artifacts\[0\]"),
        (
            {"outputs": {"parameters": [{"name": "a", "valueFrom": {"supplied": {}}}]}},
            r"outputs.parameters\[0\].valueFrom: only path and default",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_its_path(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidError, match=message):
        delegate(_container() | change, golden.OWNER, golden.IDENTITY)


@pytest.mark.parametrize(
    ("value", "seconds"), [("3s", 3.0), ("3", 3.0), ("1h2m", 3720.0), ("500ms", 0.5), ("1d", 86400)]
)
def test_a_timeout_is_argos_duration(value: str, seconds: float) -> None:
    made = delegate(_container() | {"timeout": value}, golden.OWNER, golden.IDENTITY)
    assert made.limit_s == seconds
    assert made.request.pod.spec.active_deadline_seconds == max(1, int(seconds))


@pytest.mark.parametrize("deadline", [3, "3"])
def test_a_deadline_comes_as_number_or_text(deadline: int | str) -> None:
    made = delegate(
        _container() | {"activeDeadlineSeconds": deadline}, golden.OWNER, golden.IDENTITY
    )
    assert made.request.pod.spec.active_deadline_seconds == 3


def test_only_our_key_makes_a_template_ours() -> None:
    assert is_ours(_container())
    assert not is_ours({"plugin": {"other": {}}})
    assert not is_ours({"resource": {}})


def _container() -> dict[str, Any]:
    return {"name": "t", "plugin": {"argoexec": {"container": dict(MAIN)}}}
