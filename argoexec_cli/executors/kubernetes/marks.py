"""What argoexec writes on its pods, and reads from them again."""

from __future__ import annotations

from typing import Final

LABEL: Final = "argoexec.io/managed"
OURS: Final = f"{LABEL}=true"
"""The selector of all pods of this executor."""

OWNER: Final = "argoexec.io/owner"
"""The label with the id of the daemon that made the pod, and removes it when its time is over."""

HASH: Final = "argoexec.io/spec-hash"
REQUEST: Final = "argoexec.io/request"
"""The pod as it was asked for, and the outputs; what the cluster adds is not in it."""

STOPPED: Final = "argoexec.io/stopped"
DELETED: Final = "argoexec.io/deleted"
FINALIZER: Final = "argoexec.io/record"
"""Keeps a pod that was stopped until somebody deletes it here; set only when it is stopped."""
