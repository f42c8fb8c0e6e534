"""From kubeconfig files to an answering cluster, or to a clear word why not."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from argoexec_cli.errors import (
    InvalidError,
    NotFoundError,
    PreconditionError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
)
from argoexec_cli.kube import connecting
from argoexec_cli.kube.connecting import open_cluster
from argoexec_cli.kube.resources import CONFIG_MAPS
from tests.kube.cluster import FakeCluster

PLUGIN = """\
#!/bin/sh
case "$KUBERNETES_EXEC_INFO" in *'"{version}"'*) ;; *) exit 3;; esac
echo '{{"apiVersion":"{version}","kind":"ExecCredential","status":{{"token":"'$TOKEN'"}}}}'
"""


def edit(path: Path, **user: Any) -> None:
    """Log in otherwise than by the token."""
    config = yaml.safe_load(path.read_text())
    config["users"][0]["user"] = user
    path.write_text(yaml.safe_dump(config))


def edit_cluster(path: Path, **fields: Any) -> None:
    """Say more about the way to the server; `_` stands for `-`."""
    config = yaml.safe_load(path.read_text())
    config["clusters"][0]["cluster"] |= {key.replace("_", "-"): one for key, one in fields.items()}
    path.write_text(yaml.safe_dump(config))


async def ask(*files: Path, context: str = "") -> str:
    """Return the name of the context after a question to the cluster."""
    async with open_cluster(files, context) as opened:
        await opened.client.list(CONFIG_MAPS)
        return opened.name


async def test_tls_with_the_authority_of_the_file(tmp_path: Path) -> None:
    with FakeCluster(tls=True) as cluster:
        path = cluster.kubeconfig(tmp_path / "config", namespace="work")
        async with open_cluster([path]) as opened:
            assert (opened.namespace, opened.name) == ("work", "fake")
            assert (await opened.client.list(CONFIG_MAPS)).items == []


async def test_a_client_certificate_in_the_file_is_used(tmp_path: Path) -> None:
    with FakeCluster(tls=True) as cluster:
        path = cluster.kubeconfig(tmp_path / "config")
        assert cluster.authority is not None
        encoded = {
            "client-certificate-data": cluster.authority.certificate_base64,
            "client-key-data": base64.b64encode(cluster.authority.key_pem).decode(),
        }
        edit(path, **encoded)
        assert await ask(path) == "fake"
        edit(path, **encoded | {"client-key-data": base64.b64encode(b"no key").decode()})
        with pytest.raises(InvalidError, match="context fake: the certificates cannot be used"):
            await ask(path)


async def test_a_server_that_the_authority_did_not_sign(tmp_path: Path) -> None:
    with FakeCluster(tls=True) as cluster, FakeCluster(tls=True) as other:
        cluster.authority = other.authority
        with pytest.raises(UnavailableError, match="certificate verify failed"):
            await ask(cluster.kubeconfig(tmp_path / "config"))


async def test_a_token_that_nobody_knows(cluster: FakeCluster, tmp_path: Path) -> None:
    with pytest.raises(UnauthenticatedError):
        await ask(cluster.kubeconfig(tmp_path / "config", token="nonsense"))


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
async def test_a_plugin_that_logs_in(
    cluster: FakeCluster, kubeconfig: Path, tmp_path: Path, version: str
) -> None:
    full = f"client.authentication.k8s.io/{version}"
    plugin = tmp_path / "login"
    plugin.write_text(PLUGIN.format(version=full))
    plugin.chmod(0o755)
    token = cluster.account("runner", "ns")
    wanted = {"apiVersion": full, "command": str(plugin)}
    edit(kubeconfig, exec=wanted | {"env": [{"name": "TOKEN", "value": token}]})
    assert await ask(kubeconfig) == "fake"
    assert cluster.asked[-1].user == "system:serviceaccount:ns:runner"


async def test_a_plugin_that_is_not_installed(kubeconfig: Path) -> None:
    wanted = {"apiVersion": "client.authentication.k8s.io/v1", "command": "/no/such/login"}
    edit(kubeconfig, exec=wanted | {"installHint": "install it"})
    with pytest.raises(PreconditionError, match="/no/such/login is not installed") as caught:
        await ask(kubeconfig)
    assert caught.value.hint == "install it"


async def test_a_plugin_that_fails(kubeconfig: Path) -> None:
    wanted = {"apiVersion": "client.authentication.k8s.io/v1", "command": "false"}
    edit(kubeconfig, exec=wanted)
    with pytest.raises(PreconditionError, match="cannot log in to the cluster"):
        await ask(kubeconfig)


async def test_two_files_are_put_together(
    cluster: FakeCluster, kubeconfig: Path, tmp_path: Path
) -> None:
    other = cluster.kubeconfig(tmp_path / "other")
    other.write_text(other.read_text().replace("fake", "second"))
    assert await ask(kubeconfig, other) == "fake"
    assert await ask(kubeconfig, other, context="second") == "second"


async def test_a_context_that_does_not_exist(kubeconfig: Path) -> None:
    with pytest.raises(NotFoundError, match="Context 'nonsense' not found"):
        await ask(kubeconfig, context="nonsense")


@pytest.mark.parametrize(
    "text", ["{", "[]", "contexts: []", "current-context: x\nclusters: 5\ncontexts: []", ""]
)
async def test_a_file_that_is_no_kubeconfig(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises((InvalidError, NotFoundError), match=str(path)):
        await ask(path)


async def test_a_cluster_that_is_away(tmp_path: Path) -> None:
    with FakeCluster() as cluster:
        path = cluster.kubeconfig(tmp_path / "config")
    with pytest.raises(UnavailableError, match="the API server cannot be reached"):
        await ask(path)


async def test_the_server_is_asked_for_by_the_name_of_its_certificate(tmp_path: Path) -> None:
    with FakeCluster(tls=True) as cluster:
        path = cluster.kubeconfig(tmp_path / "config")
        away = cluster.url.replace("127.0.0.1", "localhost")  # the certificate has the address only
        edit_cluster(path, server=away)
        with pytest.raises(UnavailableError, match="certificate verify failed"):
            await ask(path)
        edit_cluster(path, tls_server_name="127.0.0.1")
        assert await ask(path) == "fake"


async def test_a_proxy_is_gone_through(cluster: FakeCluster, kubeconfig: Path) -> None:
    edit_cluster(kubeconfig, server="http://no.such.host.invalid", proxy_url=cluster.url)
    assert await ask(kubeconfig) == "fake"
    assert cluster.calls("list", "configmaps")


@pytest.mark.parametrize(
    ("proxy", "error", "message"),
    [
        ("socks5://127.0.0.1:1080", UnsupportedError, "proxy-url is a SOCKS proxy"),
        ("nonsense", InvalidError, "proxy-url 'nonsense' is no http:// address"),
    ],
)
async def test_a_proxy_that_cannot_be_used_is_refused(
    kubeconfig: Path, proxy: str, error: type[Exception], message: str
) -> None:
    edit_cluster(kubeconfig, proxy_url=proxy)
    with pytest.raises(error, match=message):
        await ask(kubeconfig)


async def test_who_acts_as_another_is_refused(kubeconfig: Path) -> None:
    edit(kubeconfig, token="t", **{"as": "system:admin"})
    with pytest.raises(UnsupportedError, match=r"acts as another one \(as\)"):
        await ask(kubeconfig)


async def test_in_a_pod_the_service_account_is_used_and_its_token_read_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeCluster(tls=True) as cluster:
        assert cluster.authority is not None
        first = cluster.account("agent", "argo")
        (tmp_path / "token").write_text(first)
        (tmp_path / "namespace").write_text("argo")
        (tmp_path / "ca.crt").write_bytes(cluster.authority.certificate_pem)
        host, _, port = cluster.url.removeprefix("https://").partition(":")
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
        monkeypatch.setattr(connecting, "_ACCOUNT", tmp_path)
        assert connecting.in_cluster()
        async with open_cluster([]) as opened:
            assert opened.namespace == "argo"
            await opened.client.list(CONFIG_MAPS)
            assert cluster.asked[-1].user == "system:serviceaccount:argo:agent"
            cluster.users["the-next"] = cluster.users.pop(first)  # the kubelet renews it
            (tmp_path / "token").write_text("the-next")
            await opened.client.list(CONFIG_MAPS)
        (tmp_path / "token").unlink()
        with pytest.raises(NotFoundError, match="this pod's service account"):
            await ask()


async def test_in_a_pod_without_the_servers_address_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("token", "namespace"):
        (tmp_path / name).write_text("x")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr(connecting, "_ACCOUNT", tmp_path)
    with pytest.raises(InvalidError, match="KUBERNETES_SERVICE_HOST is missing"):
        await ask()
