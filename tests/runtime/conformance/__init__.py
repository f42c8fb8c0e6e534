"""What every runtime must do, whoever implements it.

Subclass `RuntimeConformance` and give three fixtures: `runtime` (of owner `OWNER`), `reopen` (opens
another runtime on the same engine, for a given owner) and `names` (images that cannot be had).
The tasks are small scripts in busybox's words; a runtime without a shell overrides `task`.
"""

from tests.runtime.conformance.harness import OWNER, Names, Reopen
from tests.runtime.conformance.lifecycle import LifecycleCases
from tests.runtime.conformance.logs import LogCases
from tests.runtime.conformance.specs import ImageCases, SpecCases

__all__ = ["OWNER", "Names", "Reopen", "RuntimeConformance"]


class RuntimeConformance(LifecycleCases, LogCases, ImageCases, SpecCases):
    """The whole suite. The attributes below are all the differences that a runtime may declare.

    Limits and shared sandboxes are declared by the runtime itself, in its `Capabilities`.
    """

    has_files = True
    """Tasks run in an image's file system: commands, mounts, working directories are real."""

    traps_signals = True
    """A task may handle the signal that asks it to end."""
