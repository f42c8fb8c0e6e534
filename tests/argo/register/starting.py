"""ConfigMaps that controllers are known to run with, and some at which they exit."""

from __future__ import annotations

from typing import Any, Final

KEYS: Final = frozenset(
    """
    nodeEvents workflowEvents executor mainContainer kubeConfig artifactRepository namespace
    instanceID metricsConfig telemetryConfig parallelism namespaceParallelism resourceRateLimit
    persistence links columns workflowDefaults podSpecLogStrategy podGCGracePeriodSeconds
    podGCDeleteDelayDuration workflowRestrictions initialDelay images retentionPolicy navColor sso
    synchronization artifactDrivers failedPodRestart disableAgentPodCreation initlessPod
    """.split()  # noqa: SIM905 - the list of the documentation
)
"""All that a controller of 4.1 knows; at any other key it exits."""

_BLOB: Final = """\
# who changes this: ask the platform team
executor:
  imagePullPolicy: IfNotPresent   # a Container
  resources:
    requests: {cpu: 10m, memory: 64Mi}
parallelism: 10
workflowDefaults:
  spec:
    ttlStrategy: {secondsAfterCompletion: 3600}
links:
- name: Logs
  scope: pod
  url: "https://logs/?ns=${metadata.namespace}"
"""

STARTING: Final[dict[str, dict[str, Any] | None]] = {
    "no data at all": None,
    "empty data": {},
    "an empty blob": {"config": ""},
    "a blob of comments": {"config": "# nothing is set\n"},
    "a blob": {"config": _BLOB},
    "a blob without a newline at its end": {"config": _BLOB.rstrip()},
    "a blob with CRLF": {"config": _BLOB.replace("\n", "\r\n")},
    "a blob with tabs behind values": {"config": "parallelism: 3\t# three\n\nnavColor: red\t\n"},
    "a blob with tabs as indentation": {"config": "executor:\n\timagePullPolicy: Always\n"},
    "a blob that is indented": {"config": "  instanceID: blue\n  parallelism: 2\n"},
    "a blob in flow style": {"config": "{parallelism: 3, instanceID: blue}"},
    "a blob that is a document": {"config": "---\nparallelism: 3\n"},
    "a blob of two documents": {"config": "parallelism: 3\n---\nparallelism: 4\n"},
    "a blob that ends a document": {"config": "parallelism: 3\n...\n"},
    "a blob with the switch off": {"config": "disableAgentPodCreation: false # not yet\n"},
    "an unknown key with an anchor": {"config": "a: &a 1\n"},
    "a blob with a block at its end": {
        "config": "artifactRepository:\n  s3:\n    bucket: |\n      b\n"
    },
    "a blob and another key": {"config": "parallelism: 3\n", "parallelism": "3"},
    "a key twice in the blob": {"config": "parallelism: 3\nparallelism: 4\n"},
    "an unknown key in the blob": {"config": "containerRuntimeExecutor: docker\n"},
    "a string as executor in the blob": {"config": "executor: argoexec\n"},
    "keys": {"parallelism": "10", "instanceID": "blue", "executor": "imagePullPolicy: Always\n"},
    "keys with nested texts": {"workflowDefaults": "spec:\n  activeDeadlineSeconds: 60\n"},
    "keys with an unknown one": {"parallelism": "10", "executors": "a: b\n"},
    "keys with the switch off": {"disableAgentPodCreation": "false"},
    "keys with the switch on": {"disableAgentPodCreation": "true"},
    "keys of a wrong type": {"parallelism": "many"},
    "a value that is no text": {"parallelism": 10},
}
