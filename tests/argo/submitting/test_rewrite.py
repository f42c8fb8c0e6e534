"""Workflows rewritten for Argo: golden, and readable by what serves them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from argoexec_cli.argo.submitting.rewrite import rewrite_workflow
from argoexec_cli.argo.translate.request import Identity, Owner, delegate
from argoexec_cli.errors import InvalidError

ORDINARY = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: build-}
spec:
  entrypoint: main
  nodeSelector: {disk: fast}
  volumes:
  - {name: work, emptyDir: {}}
  - {name: unused, emptyDir: {}}
  templates:
  - name: main
    steps:
    - - {name: version, template: version}
    - - name: build
        template: build
        arguments: {parameters: [{name: v, value: "{{steps.version.outputs.result}}"}]}
        withItems: [a, b]
      - name: inline
        inline: {container: {image: alpine, command: [echo, "{{item}}"]}}
  - name: version
    script: {name: "", image: alpine, command: [sh], source: echo 1.2}
    retryStrategy: {limit: 2}
  - name: build
    inputs: {parameters: [{name: v}]}
    outputs: {parameters: [{name: size, valueFrom: {path: /work/size}}]}
    timeout: 1h
    container:
      name: main
      image: alpine
      command: [sh, -c, "echo {{inputs.parameters.v}}"]
      volumeMounts: [{name: work, mountPath: /work}]
  - name: pause
    suspend: {}
"""
REWRITTEN = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: build-}
spec:
  entrypoint: main
  nodeSelector: {disk: fast}
  volumes:
  - {name: work, emptyDir: {}}
  - {name: unused, emptyDir: {}}
  templates:
  - name: main
    steps:
    - - {name: version, template: version}
    - - name: build
        template: build
        arguments: {parameters: [{name: v, value: "{{steps.version.outputs.result}}"}]}
        withItems: [a, b]
      - name: inline
        inline:
          nodeSelector: {disk: fast}
          plugin:
            argoexec:
              container: {image: alpine, command: [echo, "{{item}}"]}
              key: "{{node.name}}"
              executor: lab
  - name: version
    nodeSelector: {disk: fast}
    retryStrategy: {limit: 2}
    plugin:
      argoexec:
        script: {image: alpine, command: [sh], source: echo 1.2}
        key: "{{node.name}}"
        result: text
        executor: lab
  - name: build
    nodeSelector: {disk: fast}
    inputs: {parameters: [{name: v}]}
    outputs: {parameters: [{name: size, valueFrom: {path: /work/size}}]}
    timeout: 1h
    volumes: [{name: work, emptyDir: {}}]
    plugin:
      argoexec:
        container:
          image: alpine
          command: [sh, -c, "echo {{inputs.parameters.v}}"]
          volumeMounts: [{name: work, mountPath: /work}]
        key: "{{node.name}}"
        executor: lab
  - name: pause
    suspend: {}
"""


def workflow(**template: Any) -> dict[str, Any]:
    """Return a workflow of one template."""
    return {"kind": "Workflow", "metadata": {}, "spec": {"templates": [{"name": "t"} | template]}}


def test_golden() -> None:
    before = yaml.safe_load(ORDINARY)
    rewritten = rewrite_workflow(before, "lab")
    assert rewritten == yaml.safe_load(REWRITTEN)
    assert before == yaml.safe_load(ORDINARY), "the input was changed"
    assert rewrite_workflow(rewritten, "lab") == rewritten


def test_what_is_written_is_what_plugin_and_agent_read() -> None:
    for template in rewrite_workflow(yaml.safe_load(ORDINARY), "lab")["spec"]["templates"]:
        if "plugin" not in template:
            continue
        owner = Owner("default", "build-1", "uid")
        as_argo_sends_it = json.loads(re.sub(r"\{\{[^}]*\}\}", "x", json.dumps(template)))
        delegation = delegate(as_argo_sends_it, owner, Identity("key", "suffix"))
        assert delegation.executor == "lab"
        assert delegation.request.pod.spec.containers[0].name == "main"


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ({"container": {"image": "a"}, "daemon": True}, r"spec\.templates\[0\]\.daemon"),
        ({"script": {"image": "a"}, "podSpecPatch": "{}"}, r"templates\[0\]\.podSpecPatch"),
        ({"container": {"image": "a", "args": ["{{pod.name}}"]}}, "not known to plugins"),
        ({"suspend": {}}, "no container or script template of its own"),
    ],
)
def test_what_cannot_be_is_refused(template: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidError, match=words):
        rewrite_workflow(workflow(**template))
