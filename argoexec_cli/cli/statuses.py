"""The words of the STATUS column, which lists can be narrowed by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from argoexec_cli.errors import InvalidError

PHASES: Final = ("Pending", "Running", "Succeeded", "Failed", "Error")
"""Phases of runs (Argo's) and pods (Kubernetes')."""
REASONS: Final = (
    "Stopped",
    "DeadlineExceeded",
    "Lost",
    "OOMKilled",
    "StartError",
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "CrashLoopBackOff",
    "ContainerCreating",
    "PodInitializing",
    "CreateContainerError",
    "CreateContainerConfigError",
    "ContainerStatusUnknown",
    "FailedCreatePodSandBox",
    "Unschedulable",
    "Evicted",
    "NodeLost",
    "Unknown",
)
"""What is shown in place of a phase where it says more, in the kubelet's words."""


def parse_statuses(given: Iterable[str]) -> set[str]:
    """Read `--status` options, each with one word or several between commas, in small letters.

    `InvalidError` for a word that no list can show.
    """
    words = [word.strip() for one in given for word in one.split(",")]
    known = {word.lower() for word in (*PHASES, *REASONS)}
    for word in words:
        if word.lower() not in known:
            reasons = ", ".join(REASONS)
            raise InvalidError(
                f"--status: there is no status {word!r}, only {', '.join(PHASES)} or the reason "
                f"for one: {reasons}",
                hint="argoexec list --status Running,Failed",
            )
    return {word.lower() for word in words}
