"""In which order logins are tried, and what becomes of a source of logins that fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from argoexec_cli.executors.local.credentials.keychain import Keychain
from argoexec_cli.executors.local.credentials.logins import Login
from argoexec_cli.runtime.base import Credentials

HELPER = """\
#!/bin/sh
[ "$1" = get ] || exit 9
read -r registry
echo "$registry" >> {asked}
{answer}
"""
ANSWER = 'printf \'{"ServerURL":"%s","Username":"ann","Secret":"from-helper"}\' "$registry"'


class Desk:
    """A directory with a config.json and credential helpers on the PATH."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.config = directory / "config.json"

    def helper(self, name: str, answer: str) -> None:
        path = self.directory / f"docker-credential-{name}"
        path.write_text(HELPER.format(asked=self.directory / "asked", answer=answer))
        path.chmod(0o755)

    def asked(self) -> list[str]:
        path = self.directory / "asked"
        return path.read_text().split() if path.exists() else []

    async def search(self, image: str, *own: Login) -> tuple[list[Login], list[str]]:
        problems: list[str] = []
        keychain = Keychain(self.config)
        return [login async for login in keychain.search(image, own, problems)], problems


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return Desk(tmp_path)


async def test_the_pods_own_then_the_files_then_the_helpers(desk: Desk) -> None:
    desk.helper("mine", ANSWER)
    auths = {"quay.io": {"username": "file", "password": "x"}}
    desk.config.write_text(json.dumps({"auths": auths, "credHelpers": {"quay.io": "mine"}}))
    own = Login("quay.io", Credentials(username="own", password="x"), "secret regcred")
    logins, problems = await desk.search("quay.io/team/app:1", own)
    assert [login.credentials.username for login in logins] == ["own", "file", "ann"]
    assert [login.source for login in logins] == [
        "secret regcred",
        str(desk.config),
        "docker-credential-mine",
    ]
    assert logins[-1].credentials.password == "from-helper"
    assert (problems, desk.asked()) == ([], ["quay.io"])


async def test_a_login_that_is_not_asked_for_is_not_looked_up(desk: Desk) -> None:
    desk.helper("mine", ANSWER)
    desk.config.write_text(json.dumps({"credsStore": "mine"}))
    own = Login("quay.io", Credentials(username="own", password="x"), "secret regcred")
    search = Keychain(desk.config).search("quay.io/team/app:1", [own], [])
    assert (await anext(search)).source == "secret regcred"
    await search.aclose()  # type: ignore[attr-defined] # it is a generator
    assert desk.asked() == []


async def test_docker_hub_is_asked_for_by_its_old_name(desk: Desk) -> None:
    desk.helper("mine", ANSWER)
    desk.config.write_text(json.dumps({"credsStore": "mine"}))
    logins, _ = await desk.search("busybox")
    assert len(logins) == 1
    assert desk.asked() == ["https://index.docker.io/v1/"]


async def test_a_token_of_a_helper(desk: Desk) -> None:
    desk.helper("mine", 'printf \'{"Username":"<token>","Secret":"tok"}\'')
    desk.config.write_text(json.dumps({"credsStore": "mine"}))
    ((login,), _) = await desk.search("quay.io/app")
    assert login.credentials.identity_token == "tok"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("echo 'credentials not found in native keychain'; exit 1", ""),
        ("echo hunter2; exit 3", "docker-credential-mine failed for quay.io (exit code 3)"),
        ("echo hunter2", "docker-credential-mine gave no answer that can be read"),
    ],
)
async def test_a_helper_without_a_login(desk: Desk, answer: str, problem: str) -> None:
    desk.helper("mine", answer)
    desk.config.write_text(json.dumps({"credsStore": "mine"}))
    assert await desk.search("quay.io/app") == ([], [problem] if problem else [])


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ('{"credsStore": "absent"}', "docker-credential-absent is not installed"),
        ('{"credsStore": "../evil"}', "'../evil' is no name of a credential helper"),
        ("{", "{config} is no configuration of Docker's"),
    ],
)
async def test_a_source_that_fails_is_told(desk: Desk, config: str, problem: str) -> None:
    desk.config.write_text(config)
    logins, problems = await desk.search("quay.io/app")
    assert (logins, problems) == ([], [problem.replace("{config}", str(desk.config))])


async def test_no_configuration_is_no_problem(desk: Desk) -> None:
    assert await desk.search("quay.io/app") == ([], [])
