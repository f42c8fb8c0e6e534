"""The plugin, as Argo's agent sees it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from argoexec_cli.argo.feed import Feeds
from argoexec_cli.argo.plugin.answering import CLIENT, Answering
from argoexec_cli.argo.plugin.server import BODY_LIMIT, EXECUTE, plugin_server
from argoexec_cli.errors import NotFoundError, UnavailableError
from argoexec_cli.executors.local.manager import LocalExecutor
from argoexec_cli.models.executor import Executor
from argoexec_cli.models.record import PodQuery
from argoexec_cli.runtime.fake import FakeEngine
from tests.executors.local.opening import Opener

TOKEN = "abcdefghijklmnopqrstuvwxyz012345"


class Places:
    """Executors by name, of which one can be away."""

    def __init__(self, executor: Executor) -> None:
        """Know *executor* as `mine`."""
        self.executor = executor
        self.away = False

    def resolve(self, name: str) -> Executor:
        """Return the executor."""
        if self.away:
            raise UnavailableError("nobody answers at unix:///x")
        if name != "mine":
            raise NotFoundError(f"no executor is registered as {name}")
        return self.executor


class Plugin:
    """A plugin that runs, and calls of it."""

    def __init__(self, http: ClientSession, url: str, places: Places) -> None:
        """Call *url*."""
        self.http, self.url, self.places = http, url, places

    async def call(
        self, template: dict[str, Any], uid: str = "u1", **headers: str
    ) -> tuple[int, Any]:
        """Send `template.execute`; returns the status and the answer."""
        workflow = {"metadata": {"name": "wf", "namespace": "argo", "uid": uid}}
        return await self.send(
            json.dumps({"workflow": workflow, "template": template}).encode(), **headers
        )

    async def send(self, body: bytes, **headers: str) -> tuple[int, Any]:
        """Send any body."""
        sent = {"Authorization": f"Bearer {TOKEN}"} | headers
        async with self.http.post(
            f"{self.url}{EXECUTE}", data=BytesIO(body), headers=sent
        ) as reply:
            text = await reply.text()
        return reply.status, json.loads(text) if reply.status == 200 else text

    async def end(self, template: dict[str, Any], uid: str = "u1") -> dict[str, Any]:
        """Call until there is no requeue; returns the node."""
        async with asyncio.timeout(60):
            while True:
                status, answer = await self.call(template, uid)
                assert status == 200, answer
                if "requeue" not in answer:
                    node: dict[str, Any] = answer["node"]
                    return node
                assert answer["node"]["phase"] in ("Pending", "Running")
                await asyncio.sleep(0.01)


@pytest_asyncio.fixture
async def plugin(executor: LocalExecutor) -> AsyncIterator[Plugin]:
    """Give a plugin before the executor."""
    places = Places(executor)
    feeds = Feeds(places.resolve, CLIENT)
    answering = Answering(places.resolve, lambda: "mine", feeds)
    async with (
        plugin_server(answering, "127.0.0.1", 0, TOKEN.encode()) as port,
        ClientSession() as http,
    ):
        yield Plugin(http, f"http://127.0.0.1:{port}", places)
    await feeds.stop()


def say(script: str, **more: Any) -> dict[str, Any]:
    """Return a template that runs *script*."""
    container = {"image": "busybox", "command": ["sh", "-c", script]}
    return {"name": "say", "plugin": {"argoexec": {"container": container, **more}}}


async def pods(executor: Executor) -> int:
    """Count what was run."""
    return len((await executor.list_pods(PodQuery())).records)


async def test_a_task_is_answered_for_until_it_has_ended(plugin: Plugin) -> None:
    status, first = await plugin.call(say("sleep 0.2; echo 42"))
    assert (status, first["requeue"], first["node"]["phase"]) == (200, "1s", "Pending")
    node = await plugin.end(say("sleep 0.2; echo 42"))
    assert node["phase"] == "Succeeded"
    assert node["outputs"]["result"] == "42"
    assert node["outputs"]["exitCode"] == "0"
    assert node["outputs"]["artifacts"] == [{"name": "main-logs", "raw": {"data": "42\n"}}]


async def test_the_same_call_runs_nothing_twice(plugin: Plugin) -> None:
    answers = await asyncio.gather(*(plugin.call(say("echo hi")) for _ in range(16)))
    assert {status for status, _ in answers} == {200}
    first, second = await plugin.end(say("echo hi")), await plugin.end(say("echo hi"))
    assert first == second
    assert await pods(plugin.places.executor) == 1
    await plugin.end(say("echo hi"), uid="u2")
    await plugin.end(say("echo hi", key="wf.second"))
    assert await pods(plugin.places.executor) == 3


async def test_a_new_plugin_finds_what_the_last_one_started(
    plugin: Plugin, executor: LocalExecutor
) -> None:
    await plugin.call(say("sleep 0.2; exit 3"))
    places = Places(executor)
    feeds = Feeds(places.resolve, CLIENT)
    answering = Answering(places.resolve, lambda: "mine", feeds)
    async with plugin_server(answering, "127.0.0.1", 0, TOKEN.encode()) as port:
        other = Plugin(plugin.http, f"http://127.0.0.1:{port}", places)
        node = await other.end(say("sleep 0.2; exit 3"))
    await feeds.stop()
    assert (node["phase"], node["message"]) == ("Failed", "main: Error (exit code 3)")
    assert await pods(executor) == 1


async def test_what_is_not_ours_is_left_to_others(plugin: Plugin) -> None:
    foreign: tuple[dict[str, Any], ...] = ({"plugin": {"other": {}}}, {"http": {}}, {"name": "x"})
    for template in foreign:
        assert await plugin.call(template) == (200, {})
    assert await pods(plugin.places.executor) == 0


async def test_a_wrong_template_is_an_error_with_its_path(plugin: Plugin) -> None:
    status, answer = await plugin.call({"plugin": {"argoexec": {"contianer": {}}}})
    assert status == 200
    assert answer["node"]["phase"] == "Error"
    assert answer["node"]["message"] == "plugin.argoexec.contianer is not supported"
    assert "requeue" not in answer


async def test_an_executor_that_is_away_fails_nothing(plugin: Plugin) -> None:
    plugin.places.away = True
    status, answer = await plugin.call(say("echo hi"))
    message = "nobody answers at unix:///x"
    assert (status, answer) == (
        200,
        {"node": {"phase": "Pending", "message": message}, "requeue": "5s"},
    )
    plugin.places.away = False
    assert (await plugin.end(say("echo hi")))["phase"] == "Succeeded"


async def test_an_executor_that_nobody_registered_is_an_error(plugin: Plugin) -> None:
    _, answer = await plugin.call(say("echo hi", executor="other"))
    assert answer == {"node": {"phase": "Error", "message": "no executor is registered as other"}}


async def test_a_task_that_waits_too_long_for_its_place_times_out(
    plugin: Plugin, opener: Opener, engine: FakeEngine
) -> None:
    template: dict[str, Any] = say("sleep 30") | {"timeout": "1s"}
    node = await plugin.end(template)
    assert (node["phase"], node["message"]) == ("Failed", "timed out after 1.0s")


@pytest.mark.parametrize("header", ["", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"])
async def test_who_does_not_know_the_token_gets_nothing(plugin: Plugin, header: str) -> None:
    status, text = await plugin.call(say("echo hi"), Authorization=header)
    assert status == 401
    assert TOKEN not in text
    assert await pods(plugin.places.executor) == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"{", 400), (b"[]", 400), (b'{"template": {}}', 400), (b"x" * BODY_LIMIT, 400)],
)
async def test_a_body_that_is_none_is_refused(plugin: Plugin, body: bytes, status: int) -> None:
    assert (await plugin.send(body))[0] == status


async def test_a_body_that_is_too_large_is_refused(plugin: Plugin) -> None:
    assert (await plugin.send(b"x" * (BODY_LIMIT + 1)))[0] == 413


async def test_health_needs_no_token(plugin: Plugin) -> None:
    async with plugin.http.get(f"{plugin.url}/healthz") as reply:
        assert (reply.status, await reply.text()) == (200, "ok\n")
