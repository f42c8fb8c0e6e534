"""The image: built from its Containerfile, and run as the manifests run it."""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

import argoexec_cli
from argoexec_cli.kube.resources import LEASES
from tests.argo.packaging.base_image import ENV, ROOT, base_archive
from tests.engines.api import EngineApi
from tests.engines.docker import DockerEngine
from tests.kube.cluster import FakeCluster

FILE = "examples/kubernetes/Containerfile"
IMAGE = "argoexec:under-test"
FROM = (ROOT / FILE).read_text().partition("FROM docker.io/library/")[2].split()[0]
LONG_S = 600.0
pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(LONG_S)]


def _context() -> bytes:
    """Return a checkout as the build sees it, without what only a used one has."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore", FILE):
            archive.add(ROOT / name, name)
        for name in ("argoexec_cli", "ansible", "terraform"):
            archive.add(ROOT / name, name, filter=_is_checked_in)
    return stream.getvalue()


def _is_checked_in(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    used = {"__pycache__", ".terraform"} & set(Path(member.name).parts)
    return None if used else member


@pytest.fixture(scope="module")
def api(docker_engine: DockerEngine) -> Iterator[EngineApi]:
    """Give the engine, with the image; no step of the build has the network."""
    api, kind = docker_engine.api, "application/x-tar"
    repository, tag = FROM.rsplit(":", 1)
    query = [("fromSrc", "-"), ("repo", repository), ("tag", tag)]
    query += [("changes", f"ENV {one}") for one in ENV]
    api.call("POST", f"/images/create?{urlencode(query)}", base_archive(), kind, timeout_s=LONG_S)
    asked = urlencode({"dockerfile": FILE, "t": IMAGE, "networkmode": "none", "forcerm": "1"})
    told = api.call("POST", f"/build?{asked}", _context(), kind, timeout_s=LONG_S)
    steps = [json.loads(line) for line in told.splitlines() if line.strip()]
    assert "error" not in steps[-1], "".join(one.get("stream", "") for one in steps[-40:])
    yield api
    for image in (IMAGE, FROM):
        api.remove_image(image)
    unnamed = json.dumps({"dangling": ["true"]})
    api.call("POST", f"/images/prune?{urlencode({'filters': unnamed})}")


def _container() -> dict[str, Any]:
    """Return the container of the shipped Deployment."""
    text = (ROOT / "examples/kubernetes/base/agent.yaml").read_text()
    (container,) = yaml.safe_load(text)["spec"]["template"]["spec"]["containers"]
    return dict(container)


def run(api: EngineApi, *args: str, **host: Any) -> str:
    """Run the image as the Deployment's securityContext says; return the container's id."""
    security = _container()["securityContext"]
    config = {
        "ReadonlyRootfs": security["readOnlyRootFilesystem"],
        "CapDrop": security["capabilities"]["drop"],
        "SecurityOpt": ["no-new-privileges"],
        "NetworkMode": "none",
    }
    body = {"Image": IMAGE, "Cmd": list(args), "HostConfig": config | host}
    made: str = api.call_json("POST", "/containers/create", body)["Id"]
    api.call("POST", f"/containers/{made}/start")
    return made


def output(api: EngineApi, container: str) -> str:
    """Return what it has written so far, on both streams."""
    raw = api.call("GET", f"/containers/{container}/logs?stdout=1&stderr=1")
    text = b""
    while raw:
        size = int.from_bytes(raw[4:8], "big")
        text, raw = text + raw[8 : 8 + size], raw[8 + size :]
    return text.decode()


def ended(api: EngineApi, container: str) -> tuple[int, str]:
    """Wait for its end; return its exit code and what it wrote."""
    waited = api.call("POST", f"/containers/{container}/wait", timeout_s=LONG_S)
    text = output(api, container)
    api.remove_container(container)
    return json.loads(waited)["StatusCode"], text


def test_its_user_is_the_one_that_the_manifests_name(api: EngineApi) -> None:
    config = api.call_json("GET", f"/images/{IMAGE}/json")["Config"]
    assert config["User"].split(":")[0] == str(_container()["securityContext"]["runAsUser"])


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["version"], 0, argoexec_cli.__version__),
        (["plugin", "--help"], 0, "Usage: argoexec plugin"),
        (["agent"], 3, "error: "),  # no cluster is near
    ],
)
def test_it_runs_as_anybody_on_a_read_only_root(
    api: EngineApi, args: list[str], code: int, words: str
) -> None:
    got, text = ended(api, run(api, *args))
    assert got == code, text
    assert words in text
    assert "Traceback" not in text


def test_the_deployments_agent_runs_in_it(
    api: EngineApi, cluster: FakeCluster, short_tmp: Path
) -> None:
    mine = cluster.kubeconfig(short_tmp / "kubeconfig", namespace="argo")
    mine.chmod(0o644)
    short_tmp.chmod(0o755)
    (state,) = [one["mountPath"] for one in _container()["volumeMounts"]]
    args = [one.replace("0.0.0.0:7480", "127.0.0.1:0") for one in _container()["args"]]
    host = {"NetworkMode": "host", "Tmpfs": {state: "mode=1777"}, "Binds": [f"{mine}:/k:ro"]}
    container = run(api, *args, "--kubeconfig=/k", **host)
    try:
        deadline = time.monotonic() + 50
        while "running the tasks of" not in (said := output(api, container)):
            assert time.monotonic() < deadline, said
            time.sleep(0.2)
        assert cluster.object(LEASES, "argoexec-agent", "argo")
        api.call("POST", f"/containers/{container}/stop?t=40")
    finally:
        code, said = ended(api, container)
    assert code == 0, said
