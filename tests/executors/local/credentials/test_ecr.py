"""Logins at Amazon's registries, against an AWS that moto plays over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer

from argoexec_cli.errors import PreconditionError
from argoexec_cli.executors.local.credentials.ecr import Ecr
from argoexec_cli.executors.local.credentials.keychain import Keychain

REGISTRY = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    yield
    server.stop()


async def test_a_registry_of_amazons_has_a_login(aws: None) -> None:
    login = await Ecr().login(REGISTRY)
    assert login is not None
    assert login.username == "AWS"
    assert login.password
    found = [one async for one in Keychain().search(f"{REGISTRY}/team/app:1", [], [])]
    assert [one.source for one in found] == ["the host's AWS identity"]
    assert found[0].credentials == login


async def test_a_token_is_kept_until_it_is_about_to_expire(
    aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]  # moto's tokens have expired long ago
    ecr = Ecr(lambda: now[0])
    first = await ecr.login(REGISTRY)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert await ecr.login(REGISTRY) is first
    now[0] = time.time()
    with pytest.raises(PreconditionError, match="eu-central-1: Could not connect"):
        await ecr.login(REGISTRY)


async def test_without_an_identity_the_reason_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, f"{tmp_path}/none")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    problems: list[str] = []
    assert [one async for one in Keychain().search(f"{REGISTRY}/app", [], problems)] == []
    assert problems == [
        "AWS gives no login for its registry in eu-central-1: Unable to locate credentials"
    ]


@pytest.mark.parametrize(
    "registry", ["quay.io", "amazonaws.com", "123.dkr.ecr.eu-central-1.amazonaws.com", "docker.io"]
)
async def test_other_registries_are_not_amazons(registry: str) -> None:
    assert await Ecr().login(registry) is None
