"""ConfigMaps, Secrets and logins beside workflows and pods, from the manifest to the container."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator

import pytest

from tests.cli.conftest import Cli
from tests.cli.engines import BOTH, Engine, EngineCli, daemon_on, engine_of
from tests.engines import images
from tests.engines.docker import DockerEngine
from tests.engines.registry import LOGIN, Registry
from tests.executors.local.test_secrets import files_with

pytestmark = pytest.mark.e2e
HUSH = "hush-hush-value"
OBJECTS = f"""\
apiVersion: v1
kind: ConfigMap
metadata: {{name: settings}}
data: {{color: blue, SHAPE: round}}
---
apiVersion: v1
kind: Secret
metadata: {{name: token}}
stringData: {{key: {HUSH}}}
---
"""
WORKFLOW = f"""\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: NAME}}
spec:
  entrypoint: show
  volumes:
  - {{name: settings, configMap: {{name: settings}}}}
  templates:
  - name: show
    volumes: [{{name: token, secret: {{secretName: token}}}}]
    container:
      image: "{images.BUSYBOX.name}"
      command: [sh, -c, 'SCRIPT']
      envFrom: [{{configMapRef: {{name: settings}}}}]
      env: [{{name: KEY, valueFrom: {{secretKeyRef: {{name: token, key: key}}}}}}]
      volumeMounts:
      - {{name: settings, mountPath: /settings}}
      - {{name: token, mountPath: /token}}
"""
WHAT = {
    "Pod": "apiVersion: v1\nkind: Pod\nmetadata: {name: NAME}\nspec:\n"
    "  imagePullSecrets: [{name: login}]\n"
    "  containers: [{name: main, image: 'IMAGE', command: [echo, pulled]}]\n",
    "Workflow": "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: NAME}\nspec:\n"
    "  imagePullSecrets: [{name: login}]\n  entrypoint: a\n"
    "  templates: [{name: a, container: {image: 'IMAGE', command: [echo, pulled]}}]\n",
}


@pytest.fixture(scope="module", params=BOTH)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Give one engine after the other."""
    return engine_of(request)


@pytest.fixture(scope="module")
def cli(engine: Engine) -> Iterator[EngineCli]:
    """Give the command line of a daemon on the engine."""
    with daemon_on(engine) as cli:
        yield cli


def workflow(name: str, script: str) -> str:
    return OBJECTS + WORKFLOW.replace("NAME", name).replace("SCRIPT", script)


def login(host: str, password: str) -> str:
    """Write the Secret as `kubectl create secret docker-registry -o yaml` does."""
    auth = base64.b64encode(f"{LOGIN[0]}:{password}".encode()).decode()
    entry = {"username": LOGIN[0], "password": password, "auth": auth}
    config = base64.b64encode(json.dumps({"auths": {host: entry}}).encode()).decode()
    return (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: login}\n"
        f"type: kubernetes.io/dockerconfigjson\ndata: {{.dockerconfigjson: {config}}}\n---\n"
    )


def nowhere(cli: Cli, *values: str) -> None:
    """None of the values is on the disk below the daemon's data directory, in its log, or shown."""
    shown = [
        cli(*words).out for words in (["list", "-o", "json"], ["events"], ["list", "-o", "wide"])
    ]
    for value in values:
        assert files_with(cli.home / "data", value.encode()) == []
        assert value not in "".join(shown)


def test_a_workflow_has_its_config_maps_and_secrets(cli: Cli) -> None:
    script = "echo $SHAPE $(cat /settings/color) ${#KEY} $(wc -c < /token/key)"
    outcome = cli(
        "submit", "-", "--executor", "local", "--log", stdin=workflow("all-of-them", script)
    )
    assert outcome == (0, f"round blue {len(HUSH)} {len(HUSH)}\n", "all-of-them\n")
    assert HUSH not in cli("get", "all-of-them", "-o", "json").out
    nowhere(cli, HUSH, base64.b64encode(HUSH.encode()).decode())


def test_a_restart_of_the_daemon_in_the_middle_keeps_them(cli: EngineCli) -> None:
    script = "until [ -e /tmp/go ]; do sleep 0.1; done; echo ${#KEY}"
    assert (
        cli("submit", "-", "--executor", "local", stdin=workflow("in-the-middle", script)).code == 0
    )
    assert cli("wait", "in-the-middle", "--for", "running", "--timeout", "60s").code == 0
    nowhere(cli, HUSH, base64.b64encode(HUSH.encode()).decode())
    cli.stop()
    cli.serve()
    assert cli("exec", "in-the-middle", "--", "touch", "/tmp/go").code == 0
    assert cli("wait", "in-the-middle", "--timeout", "60s").code == 0
    assert cli("logs", "in-the-middle").out == f"{len(HUSH)}\n"


def test_one_that_is_not_there_is_named(cli: Cli) -> None:
    manifest = workflow("without", "true").replace("metadata: {name: token}", "metadata: {name: t}")
    outcome = cli("submit", "-", "--executor", "local", "--wait", stdin=manifest)
    assert outcome.code == 1
    assert 'secret "token" not found' in cli("get", "without").out


@pytest.mark.parametrize("kind", ["Pod", "Workflow"])
def test_a_private_image(kind: str, cli: Cli, engine: Engine, private_registry: Registry) -> None:
    image = f"{private_registry.host}/beside/{kind.lower()}:1"
    publish(engine, image)
    wrong = f"wrong-{kind.lower()}"
    manifest = WHAT[kind].replace("IMAGE", image)
    began = time.monotonic()
    refused = cli(
        "submit",
        "-",
        "--executor",
        "local",
        "--wait",
        stdin=login(private_registry.host, "guess-work") + manifest.replace("NAME", wrong),
    )
    assert refused.code == 1
    assert time.monotonic() - began < 55, "a wrong password does not heal"
    shown = cli("get", wrong).out
    assert "ErrImagePull" in shown
    assert "tried the login of secret login" in shown
    right = login(private_registry.host, LOGIN[1]) + manifest.replace(
        "NAME", f"right-{kind.lower()}"
    )
    outcome = cli("submit", "-", "--executor", "local", "--log", stdin=right)
    assert (outcome.code, outcome.out) == (0, "pulled\n"), outcome
    for password in ("guess-work", LOGIN[1]):
        auth = base64.b64encode(f"{LOGIN[0]}:{password}".encode()).decode()
        nowhere(cli, password, auth, auth[:24])
        assert password not in shown + cli("get", wrong, "-o", "json").out


def publish(engine: Engine, image: str) -> None:
    """Push busybox to a registry that wants a login, under a name that the engine then forgets."""
    if isinstance(engine, DockerEngine):
        engine.api.push(images.BUSYBOX.name, image, login=LOGIN)
        engine.api.remove_image(image)
    else:
        engine.push(images.BUSYBOX.name, image, login=LOGIN)
