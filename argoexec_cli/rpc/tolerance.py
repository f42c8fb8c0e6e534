"""What a Pod may say that argoexec does not implement, and why that does no harm.

Everything else that the model lacks is refused by its path. These tables are the only exceptions.
"""

from __future__ import annotations

from typing import Final

IGNORED: Final[dict[str, dict[str, str]]] = {
    "k8s.io.api.core.v1.Pod": {
        "status": "the executor's own; a pod that was read from a server is sent with it",
    },
    "k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta": {
        "selfLink": "obsolete since Kubernetes 1.20, and never an input",
        "resourceVersion": "a server's version of the object; there is no update call to guard",
        "generation": "a server's count of changes to the spec, and a spec never changes here",
        "deletionTimestamp": "set by a server that deletes; a stop has a call of its own",
        "deletionGracePeriodSeconds": "belongs to deletionTimestamp",
        "ownerReferences": "tells a cluster what to delete; here whoever sent a pod deletes it",
        "finalizers": "hold back a cluster's deletion, for controllers that watch the cluster",
        "clusterName": "never had a meaning, and is gone since Kubernetes 1.24",
        "initializers": "gone since Kubernetes 1.16",
        "managedFields": "a cluster's bookkeeping of who wrote which field",
    },
}
"""Fields of a request that are skipped, whatever they say: message, field, reason."""

DEFAULTS: Final[dict[str, dict[str, frozenset[str | bool | int]]]] = {
    "k8s.io.api.core.v1.PodSpec": {
        "schedulerName": frozenset({"default-scheduler"}),
        "serviceAccountName": frozenset({"default"}),
        "serviceAccount": frozenset({"default"}),
        "enableServiceLinks": frozenset({True, False}),  # there are no services to link
        "preemptionPolicy": frozenset({"PreemptLowerPriority"}),
    },
    "k8s.io.api.core.v1.Container": {
        "terminationMessagePath": frozenset({"/dev/termination-log"}),
        "terminationMessagePolicy": frozenset({"File"}),
    },
}
"""Values that a cluster fills in, and that therefore say the same as leaving the field out."""

EMPTY: Final = frozenset({"k8s.io.api.core.v1.PodSecurityContext"})
"""Messages that a cluster adds although they say nothing."""

ZERO_COUNTS: Final = frozenset(
    {
        "allowPrivilegeEscalation",
        "defaultMode",
        "fsGroup",
        "hostUsers",
        "mode",
        "runAsGroup",
        "runAsUser",
    }
)
"""Scalars whose zero differs from their absence. Elsewhere Go writes it for "unset"."""
