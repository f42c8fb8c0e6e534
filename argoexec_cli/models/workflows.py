"""What a client asks of the built-in controller: the protocol behind the service `Workflows`."""

from collections.abc import AsyncIterator
from typing import Literal, Protocol

from argoexec_cli.models.base import Model
from argoexec_cli.models.companions import NOTHING, Companions
from argoexec_cli.models.workflow import WorkflowRun


class RunRef(Model, kw_only=True):
    """Names a workflow run. An empty `uid` means whichever run has the name."""

    namespace: str = "default"
    name: str
    uid: str = ""

    def __str__(self) -> str:
        """Render as kubectl does: namespace/name."""
        return f"{self.namespace}/{self.name}"


class RunQuery(Model):
    """Which runs. Empty fields match all; `selector` is kubectl's label selector syntax."""

    namespace: str = ""
    name: str = ""
    selector: str = ""
    phase: str = ""
    limit: int = 0
    page_token: str = ""


class RunPage(Model):
    """One page of runs, oldest first; an empty `next_page_token` ends the list."""

    runs: tuple[WorkflowRun, ...]
    next_page_token: str = ""


class RunUpdate(Model, kw_only=True):
    """One message of a watch; see `models.record.PodUpdate`, which has the same rules."""

    type: Literal["ADDED", "MODIFIED", "DELETED", "SYNCED"]
    run: WorkflowRun | None = None
    token: str = ""


class Workflows(Protocol):
    """Runs workflows and remembers them. Cancelling a call stops the waiting, never the work; every
    call may be repeated.
    """

    async def submit(self, run: WorkflowRun, beside: Companions = NOTHING) -> WorkflowRun:
        """Accept the run; return once that is durable. Its pods get what they refer to of *beside*.

        Idempotent on (namespace, name): the same spec with the same companions returns the run that
        is there, another is `AlreadyExistsError`. `InvalidError` names the field that is wrong.
        """
        ...

    async def get_run(self, ref: RunRef) -> WorkflowRun:
        """Return the run as it is now. `NotFoundError` when it is unknown."""
        ...

    async def list_runs(self, query: RunQuery) -> RunPage:
        """Return a page of the runs that match, oldest first."""
        ...

    def watch_runs(self, query: RunQuery, token: str = "") -> AsyncIterator[RunUpdate]:
        """Replay what changed since *token* (everything without one), say SYNCED, then follow until
        closed.
        """
        ...

    async def stop_run(self, ref: RunRef, message: str = "") -> None:
        """Ask the run and its pods to end. Returns when the wish is durable; an ended run is left
        alone.
        """
        ...

    async def delete_run(self, ref: RunRef) -> None:
        """Stop the run if it is active, delete its pods, forget it. Returns when it is gone."""
        ...
