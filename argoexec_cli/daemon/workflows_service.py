"""The gRPC service `Workflows` around a controller: messages in, models through, messages out."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from argoexec_cli.daemon.following import close
from argoexec_cli.models.workflows import Workflows
from argoexec_cli.rpc import runs
from argoexec_cli.rpc.gen.argoexec.v1alpha1 import workflows_pb2, workflows_pb2_grpc
from argoexec_cli.rpc.records import refuse_unknown


class WorkflowsService(workflows_pb2_grpc.WorkflowsServicer):
    """Serves *workflows*. Errors are left to `daemon.interceptor`."""

    def __init__(self, workflows: Workflows) -> None:
        """Serve *workflows*, which whoever built it stops."""
        self._workflows = workflows

    async def Submit(
        self, request: workflows_pb2.SubmitRequest, context: Any
    ) -> workflows_pb2.WorkflowRun:
        """Accept a run."""
        run = await self._workflows.submit(*runs.submit_from_message(request))
        return runs.run_to_message(run)

    async def GetRun(
        self, request: workflows_pb2.GetRunRequest, context: Any
    ) -> workflows_pb2.WorkflowRun:
        """Return one run."""
        refuse_unknown(request)
        run = await self._workflows.get_run(runs.ref_from_message(request.ref))
        return runs.run_to_message(run)

    async def ListRuns(
        self, request: workflows_pb2.ListRunsRequest, context: Any
    ) -> workflows_pb2.ListRunsResponse:
        """Return a page of runs."""
        page = await self._workflows.list_runs(runs.list_from_message(request))
        return runs.page_to_message(page)

    async def WatchRuns(
        self, request: workflows_pb2.WatchRunsRequest, context: Any
    ) -> AsyncGenerator[workflows_pb2.WatchRunsResponse, None]:
        """Tell of changes until the client has heard enough."""
        updates = self._workflows.watch_runs(*runs.watch_from_message(request))
        try:
            async for update in updates:
                yield runs.update_to_message(update)
        finally:
            await close(updates)

    async def StopRun(
        self, request: workflows_pb2.StopRunRequest, context: Any
    ) -> workflows_pb2.StopRunResponse:
        """Ask a run to end."""
        refuse_unknown(request)
        await self._workflows.stop_run(runs.ref_from_message(request.ref), request.message)
        return workflows_pb2.StopRunResponse()

    async def DeleteRun(
        self, request: workflows_pb2.DeleteRunRequest, context: Any
    ) -> workflows_pb2.DeleteRunResponse:
        """Forget a run."""
        refuse_unknown(request)
        await self._workflows.delete_run(runs.ref_from_message(request.ref))
        return workflows_pb2.DeleteRunResponse()
