"""`http:` templates."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest

from argoexec_cli.argo.agent.http import Http
from argoexec_cli.argo.agent.httpcall import read_call
from argoexec_cli.argo.agent.ledger import Entry
from argoexec_cli.errors import InvalidError
from argoexec_cli.kube.client import KubeClient
from argoexec_cli.kube.resources import SECRETS
from tests.argo.agent.http_server import HttpServer
from tests.kube.cluster import FakeCluster


async def send(
    kube: KubeClient, http: dict[str, Any], *, accepted: bool = False, **more: Any
) -> dict[str, Any]:
    """Serve a template; returns the node's result."""
    entry = Entry(
        uid="u",
        node="n",
        namespace="argo",
        workflow="wf",
        template={"http": http, **more},
        started=time.time(),
        accepted=accepted,
    )

    async def on_accepted() -> None:
        pass

    return (await Http(kube).run(entry, on_accepted)).result


async def test_method_headers_and_body_arrive(kube: KubeClient, web: HttpServer) -> None:
    result = await send(
        kube,
        {
            "url": f"{web.url}/made",
            "method": "PUT",
            "headers": [{"name": "X-One", "value": "1"}, {"name": "host", "value": "other.test"}],
            "body": "hello",
        },
    )
    (seen,) = web.seen
    assert result == {"phase": "Succeeded", "message": "", "outputs": {"result": "made hello"}}
    assert (seen.method, seen.body, seen.headers["X-One"]) == ("PUT", "hello", "1")
    assert seen.headers["Host"] == "other.test"


async def test_a_body_may_be_bytes(kube: KubeClient, web: HttpServer) -> None:
    text = base64.b64encode(b"\x01\x02").decode()
    await send(kube, {"url": web.url, "method": "POST", "bodyFrom": {"bytes": text}})
    assert web.seen[0].body == "\x01\x02"


async def test_a_header_comes_from_a_secret(
    kube: KubeClient, web: HttpServer, cluster: FakeCluster
) -> None:
    value = base64.b64encode(b"Bearer planted\n").decode()
    cluster.add(SECRETS, {"metadata": {"name": "s"}, "data": {"k": value}}, namespace="argo")
    source = {"secretKeyRef": {"name": "s", "key": "k"}}
    http = {"url": web.url, "headers": [{"name": "Authorization", "valueFrom": source}]}
    assert (await send(kube, http))["phase"] == "Succeeded"
    assert web.seen[0].headers["Authorization"] == "Bearer planted"


@pytest.mark.parametrize(
    ("source", "phase"),
    [
        ({"name": "none", "key": "k"}, "Error"),
        ({"name": "none", "key": "k", "optional": True}, "Succeeded"),
    ],
)
async def test_a_secret_that_is_not_there(
    kube: KubeClient, web: HttpServer, source: dict[str, Any], phase: str
) -> None:
    header = {"name": "X", "valueFrom": {"secretKeyRef": source}}
    result = await send(kube, {"url": web.url, "headers": [header]})
    assert result["phase"] == phase
    assert [seen for seen in web.seen if "X" in seen.headers] == []


async def test_redirects_are_followed_and_headers_have_gos_names(
    kube: KubeClient, web: HttpServer
) -> None:
    condition = (
        'response.headers["Server-Name"][0] == "it" and request.headers["X-A"] == ["1"] '
        'and jsonpath(response.body, "$.a.b[1]") == 2'
    )
    http = {
        "url": f"{web.url}/moved",
        "headers": [{"name": "x-a", "value": "1"}],
        "successCondition": condition,
    }
    result = await send(kube, http)
    assert (result["phase"], result["message"]) == ("Succeeded", "")
    assert [seen.path for seen in web.seen] == ["/moved", "/json"]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("1 == 2", "successCondition '1 == 2' evaluated false"),
        ("true and 2", "expected bool, but got int"),
        ("nothing(1)", "the function nothing is not supported"),
        ("response.body", "is neither true nor false"),
        ("response.body matches '('", "no regular expression"),
        ("response.body == ", "the condition ends too early"),
        ("sprig.trim(response.body) == ''", "there are trim, upper"),
    ],
)
async def test_a_condition_that_does_not_hold_fails_with_the_body(
    kube: KubeClient, web: HttpServer, condition: str, message: str
) -> None:
    result = await send(kube, {"url": web.url, "successCondition": condition})
    assert result["phase"] == "Failed"
    assert message in result["message"]
    assert result["outputs"]["result"] == "ok"


async def test_a_regular_expression_that_never_ends_is_given_up(
    kube: KubeClient, web: HttpServer
) -> None:
    body = "a" * 40
    http = {
        "url": f"{web.url}/made",
        "method": "POST",
        "body": body,
        "successCondition": "response.body matches '(a+)+$b'",
    }
    result = await send(kube, http)
    assert result["phase"] == "Failed"
    assert "did not end within 5 s" in result["message"]


@pytest.mark.parametrize(
    ("http", "more", "message"),
    [
        ({"timeoutSeconds": 1}, {}, "timed out after 1.0s"),
        ({}, {"timeout": "1s"}, "timed out after 1.0s"),
        ({}, {"activeDeadlineSeconds": "1"}, "timed out after 1.0s"),
    ],
)
async def test_a_server_that_says_nothing_is_given_up(
    kube: KubeClient, web: HttpServer, http: dict[str, Any], more: dict[str, Any], message: str
) -> None:
    result = await send(kube, {"url": f"{web.url}/slow", **http}, **more)
    assert (result["phase"], result["message"]) == ("Failed", message)


async def test_nobody_there_is_a_failure_with_its_reason(kube: KubeClient) -> None:
    result = await send(kube, {"url": "http://127.0.0.1:9/x"})
    assert result["phase"] == "Failed"
    assert "127.0.0.1:9" in result["message"]


async def test_a_body_beyond_all_measure_is_refused(kube: KubeClient, web: HttpServer) -> None:
    result = await send(kube, {"url": f"{web.url}/large"})
    assert result["phase"] == "Failed"
    assert "larger than" in result["message"]


@pytest.mark.parametrize(("method", "sent"), [("POST", 0), ("GET", 1)])
async def test_after_a_restart_only_what_does_no_harm_is_sent_again(
    kube: KubeClient, web: HttpServer, method: str, sent: int
) -> None:
    result = await send(kube, {"url": web.url, "method": method}, accepted=True)
    assert len(web.seen) == sent
    assert result["phase"] == ("Succeeded" if sent else "Error")


@pytest.mark.parametrize(
    ("http", "message"),
    [
        ({"url": "ftp://x"}, "http.url"),
        ({"url": "http://x", "method": "A B"}, "http.method"),
        ({"url": "http://x", "timeoutSeconds": 0}, "http.timeoutSeconds"),
        ({"url": "http://x", "bodyFrom": {}}, "http.bodyFrom.bytes: is required"),
        ({"url": "http://x", "bodyFrom": {"bytes": "?"}}, "http.bodyFrom.bytes: is not base64"),
        ({"url": "http://x", "headers": [{"name": "a b"}]}, r"http.headers\[0\].name"),
        ({"url": "http://x", "headers": [{"name": "a", "value": "1\n2"}]}, "more than one line"),
        (
            {"url": "http://x", "headers": [{"name": "a", "valueFrom": {"secretKeyRef": {}}}]},
            "needs a name and a key",
        ),
    ],
)
def test_a_wrong_template_is_refused_by_its_path(http: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidError, match=message):
        read_call(http)


def test_not_verifying_is_only_on_demand() -> None:
    assert read_call({"url": "https://x"}).verify
    assert not read_call({"url": "https://x", "insecureSkipVerify": True}).verify
