"""Which login is for which image, and how Docker and Kubernetes write logins down."""

from __future__ import annotations

import base64
import json

import pytest

from argoexec_cli.errors import InvalidError
from argoexec_cli.executors.local.credentials.logins import (
    Login,
    logins_of,
    matching,
    parse_config,
)
from argoexec_cli.executors.local.credentials.names import (
    canonical,
    is_for,
    registry_key,
    registry_of,
)
from argoexec_cli.models.config import Secret
from argoexec_cli.models.meta import ObjectMeta
from argoexec_cli.runtime.base import Credentials

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("image", "full"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("docker.io/busybox:1", "docker.io/library/busybox:1"),
        ("team/app:1", "docker.io/team/app:1"),
        ("index.docker.io/team/app:1", "docker.io/team/app:1"),
        ("localhost/app", "localhost/app:latest"),
        ("host:5000/app", "host:5000/app:latest"),
        (f"host:5000/app:1@{DIGEST}", f"host:5000/app@{DIGEST}"),
    ],
)
def test_a_name_has_one_full_form(image: str, full: str) -> None:
    assert canonical(image) == full
    assert registry_of(image) == full.partition("/")[0]


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("https://index.docker.io/v1/", "index.docker.io"),
        ("quay.io", "quay.io"),
        ("https://quay.io/v2/", "quay.io"),
        ("http://host:5000/team/", "host:5000/team"),
        ("quay.io/v1team", "quay.io/v1team"),
    ],
)
def test_a_key_of_the_configuration(written: str, key: str) -> None:
    assert registry_key(written) == key


@pytest.mark.parametrize(
    ("key", "repository", "matches"),
    [
        ("quay.io", "quay.io/team/app", True),
        ("quay.io/team", "quay.io/team/app", True),
        ("quay.io/other", "quay.io/team/app", False),
        ("*.example.com", "eu.example.com/app", True),
        ("*.example.com", "a.eu.example.com/app", False),
        ("*.example.com", "example.com/app", False),
        ("example.com:5000", "example.com/app", False),
        ("example.com:5000", "example.com:5000/app", True),
        ("index.docker.io", "docker.io/library/busybox", True),
        ("docker.io", "docker.io/team/app", True),
        ("index.docker.io", "quay.io/team/app", False),
    ],
)
def test_a_key_is_for_some_repositories(key: str, repository: str, matches: bool) -> None:
    assert is_for(key, repository) is matches


def test_the_longest_key_comes_first_and_every_match_comes() -> None:
    nobody = Credentials(username="u", password="p")
    keys = ["quay.io", "quay.io/team/app", "other.io", "quay.io/team"]
    logins = [Login(key, nobody, "test") for key in keys]
    found = [login.registry for login in matching(logins, "quay.io/team/app:1")]
    assert found == ["quay.io/team/app", "quay.io/team", "quay.io"]


def secret(key: str, content: object) -> Secret:
    data = {key: json.dumps(content).encode()}
    return Secret(metadata=ObjectMeta(name="regcred"), data=data)


def auth(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_both_kinds_of_secrets() -> None:
    whole = secret(".dockerconfigjson", {"auths": {"quay.io": auth("ann", "p:w")}})
    old = secret(".dockercfg", {"https://quay.io/v1/": {"username": "ann", "password": "p:w"}})
    for one in (whole, old):
        (login,) = logins_of(one)
        assert login.registry == "quay.io"
        assert (login.credentials.username, login.credentials.password) == ("ann", "p:w")
        assert login.source == "secret regcred"
        assert "p:w" not in repr(login)
    assert logins_of(secret("password", "x")) == ()


def test_an_identity_token_and_an_entry_that_says_nothing() -> None:
    config = parse_config(
        json.dumps(
            {
                "auths": {"a.io": {}, "b.io": {"identitytoken": "tok"}},
                "credHelpers": {"https://c.io": "ecr-login"},
                "credsStore": "desktop",
                "psFormat": "x",
            }
        ).encode(),
        "config.json",
    )
    (login,) = config.logins
    assert (login.registry, login.credentials.identity_token) == ("b.io", "tok")
    assert (config.helpers, config.store) == ({"c.io": "ecr-login"}, "desktop")
    assert "tok" not in repr(login)


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b'{"auths": {"a.io": {"auth": "hunter2!"}}}', b'{"auths": {"a.io": "hunter2"}}'],
)
def test_what_cannot_be_read_is_refused_without_its_content(content: bytes) -> None:
    with pytest.raises(InvalidError, match="here is no configuration of Docker's") as caught:
        parse_config(content, "here")
    assert "hunter2" not in f"{caught.value!r} {caught.value.__cause__!r}"
