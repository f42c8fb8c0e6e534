"""Argo's controller as a script: one workflow, and what is done to its task set, step by step.

It follows what the real one does with HTTP and Plugin nodes, its failings included: a result is
copied whatever the node's phase is, an unknown node stops everything, and without the rule for
`workflowtasksets/status` nothing is ever taken out.
"""

from __future__ import annotations

import copy
import uuid
from datetime import UTC, datetime
from typing import Any

from argoexec_cli.kube.resources import TASK_SETS, WORKFLOWS
from tests.kube.cluster import FakeCluster
from tests.kube.cluster.patching import merge
from tests.kube.cluster.refusals import Refusal

FULFILLED = {"Succeeded", "Failed", "Error"}
COMPLETED = "workflows.argoproj.io/completed"
INSTANCE = "workflows.argoproj.io/controller-instanceid"


class Controller:
    """Looks after one workflow. Every method is one moment: nothing happens by itself."""

    def __init__(
        self,
        cluster: FakeCluster,
        name: str = "wf",
        *,
        may_patch_status: bool = True,
        instance: str = "",
        **spec: Any,
    ) -> None:
        """Create the Workflow."""
        self.cluster, self.name, self.namespace = cluster, name, "argo"
        self.uid = str(uuid.uuid4())
        self.nodes: dict[str, dict[str, Any]] = {}
        self.wedged: list[str] = []
        self.writes = 0
        self._templates: dict[str, dict[str, Any]] = {}
        self._may_patch_status = may_patch_status
        self._labels = {INSTANCE: instance} if instance else {}
        self._spec = spec
        self._phase = "Running"
        self._persist()

    def add(self, node: str, template: dict[str, Any]) -> None:
        """Have the workflow need a task."""
        self.nodes[node] = {"id": node, "phase": "Pending", "message": "", "outputs": None}
        self._templates[node] = template

    def operate(self) -> None:
        """Do what the controller does at each of its turns."""
        wanted = {
            node: template
            for node, template in self._templates.items()
            if self.nodes[node]["phase"] not in FULFILLED
        }
        if not self._spec.get("shutdown") and not self._reconcile():
            return
        if wanted:
            self._write_task_set(wanted)
        self._prune()
        self._persist()

    def end(self, phase: str = "Succeeded") -> None:
        """Have the workflow end, at this turn."""
        self._phase = phase
        self.operate()

    def stop(self, strategy: str = "Stop", keep: tuple[str, ...] = ()) -> None:
        """Have the workflow stopped: all nodes but *keep*, the exit handlers, fail."""
        self._spec["shutdown"] = strategy
        self._persist()
        for node, state in self.nodes.items():
            if state["phase"] not in FULFILLED and node not in keep:
                state |= {"phase": "Failed", "message": f"Stopped with strategy '{strategy}'"}

    def retry(self, node: str) -> None:
        """Do what `argo retry` does to a workflow that has ended, for one node of it."""
        self._phase = "Running"
        self._spec.pop("shutdown", None)
        self.nodes[node] |= {"phase": "Pending", "message": "", "outputs": None}
        self._persist()
        self.operate()

    def withdraw(self, node: str) -> None:
        """Take a task out of the task set."""
        self._patch({"spec": {"tasks": {node: None}}})

    def delete(self) -> None:
        """Delete the workflow; its task set goes with it."""
        self.cluster.store.remove(WORKFLOWS, self.namespace, self.name)

    @property
    def task_set(self) -> dict[str, Any]:
        """The task set as it is now; empty when there is none."""
        return self.cluster.store.find(TASK_SETS, self.namespace, self.name) or {}

    @property
    def results(self) -> dict[str, Any]:
        """What the agent has written and nobody has taken out."""
        nodes: dict[str, Any] = (self.task_set.get("status") or {}).get("nodes") or {}
        return nodes

    @property
    def patches(self) -> list[dict[str, Any]]:
        """The nodes of every patch of this task set that the agent has sent, refused or not."""
        return [body["status"]["nodes"] for body in self._sent()]

    @property
    def accepted(self) -> list[dict[str, Any]]:
        """The same without those that were refused for their version."""
        written = {
            one.before["metadata"]["resourceVersion"]: one
            for one in self.cluster.store.since(0)
            if one.resource == TASK_SETS and one.before is not None and one.after is not None
        }
        nodes = []
        for body in self._sent():
            one = written.get(body["metadata"]["resourceVersion"])
            if one is None or one.before is None or one.after is None:
                continue
            if merge(one.before.get("status"), body["status"]) == one.after.get("status"):
                nodes.append(body["status"]["nodes"])
        return nodes

    def _sent(self) -> list[dict[str, Any]]:
        calls = self.cluster.calls("patch", "workflowtasksets", subresource="status")
        return [call.body for call in calls if call.name == self.name]

    def _reconcile(self) -> bool:
        for node, result in self.results.items():
            if node not in self.nodes:
                self.wedged.append(node)
                return False
            self.nodes[node] |= {
                "phase": result.get("phase"),
                "message": result.get("message"),
                "outputs": result.get("outputs"),
                "finishedAt": datetime.now(UTC).isoformat(),
            }
        return True

    def _write_task_set(self, tasks: dict[str, Any]) -> None:
        if self.task_set:
            labels = {COMPLETED: "false"}
            self._patch({"metadata": {"labels": labels}, "spec": {"tasks": tasks}})
            return
        owner = {"apiVersion": WORKFLOWS.api_version, "kind": "Workflow", "name": self.name}
        manifest = {
            "metadata": {
                "name": self.name,
                "labels": dict(self._labels),
                "ownerReferences": [owner | {"uid": self.uid}],
            },
            "spec": {"tasks": copy.deepcopy(tasks)},
        }
        self.cluster.add(TASK_SETS, manifest, namespace=self.namespace)

    def _prune(self) -> None:
        if not self._may_patch_status or not self.task_set:
            return
        done = {node: None for node, one in self.nodes.items() if one["phase"] in FULFILLED}
        if done:
            self._patch({"status": {"nodes": done}})
        patch: dict[str, Any] = {"spec": {"tasks": done}} if done else {}
        if self._phase in FULFILLED:
            patch["metadata"] = {"labels": {COMPLETED: "true"}}
        self._patch(patch)

    def _patch(self, patch: dict[str, Any]) -> None:
        store = self.cluster.store
        with store.lock:
            try:
                found = store.get(TASK_SETS, self.namespace, self.name)
            except Refusal:
                return
            store.put(TASK_SETS, merge(found, patch))

    def _persist(self) -> None:
        self.writes += 1
        status = {
            "phase": self._phase,
            "startedAt": "2026-01-01T00:00:00Z",
            "nodes": copy.deepcopy(self.nodes),
        } | ({"startedAt": self._spec["started"]} if "started" in self._spec else {})
        labels = dict(self._labels)
        meta = {"name": self.name, "uid": self.uid, "labels": labels}
        spec = {key: one for key, one in self._spec.items() if key != "started"}
        manifest = {"metadata": meta, "spec": spec, "status": status}
        self.cluster.add(WORKFLOWS, manifest, namespace=self.namespace)
