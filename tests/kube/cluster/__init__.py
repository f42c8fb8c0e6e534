"""An API server for tests that behaves like one: versions, watches, conflicts, RBAC, pods' logs.

It runs in a thread of its own, so programs, threads and coroutines can all talk to it. What it does
not imitate: admission, defaulting, scheduling, and schemas but that of WorkflowTaskSet's status.

Why not `kmock`: 0.8 keeps objects and streams changes, but counts no versions, so there are no
conflicts, no 410 and no bookmarks to get right; nor has it RBAC, server-side apply, or logs.
"""

from tests.kube.cluster.cluster import FakeCluster
from tests.kube.cluster.faults import Fault
from tests.kube.cluster.refusals import Refusal
from tests.kube.cluster.requests import Asked

__all__ = ["Asked", "FakeCluster", "Fault", "Refusal"]
