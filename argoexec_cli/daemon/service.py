"""The gRPC service `Executor` around any executor: messages in, models through, messages out."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from argoexec_cli.daemon.following import close, run_and_follow
from argoexec_cli.models.executor import Executor
from argoexec_cli.rpc import log_columns, queries, records
from argoexec_cli.rpc.gen.argoexec.v1alpha1 import (
    executor_pb2,
    executor_pb2_grpc,
    info_pb2,
    logs_pb2,
)


class ExecutorService(executor_pb2_grpc.ExecutorServicer):
    """Serves *executor*. Errors are left to `daemon.interceptor`.

    A client that goes away cancels its own call here, and by the executor's contract no more than
    the waiting. A slow client slows its own stream down: at most one message waits for it here.
    """

    def __init__(self, executor: Executor) -> None:
        """Serve *executor*, which whoever built it stops."""
        self._executor = executor

    async def RunPod(
        self, request: executor_pb2.RunPodRequest, context: Any
    ) -> AsyncGenerator[executor_pb2.RunPodResult, None]:
        """Accept the pod, then tell how it goes until it has ended."""
        stream = run_and_follow(self._executor, records.request_from_message(request))
        try:
            async for record in stream:
                yield executor_pb2.RunPodResult(record=records.record_to_message(record))
        finally:
            await stream.aclose()

    async def GetPod(
        self, request: executor_pb2.GetPodRequest, context: Any
    ) -> executor_pb2.GetPodResponse:
        """Return one pod."""
        records.refuse_unknown(request)
        record = await self._executor.get_pod(records.ref_from_message(request.ref))
        return executor_pb2.GetPodResponse(record=records.record_to_message(record))

    async def ListPods(
        self, request: executor_pb2.ListPodsRequest, context: Any
    ) -> executor_pb2.ListPodsResponse:
        """Return a page of pods."""
        page = await self._executor.list_pods(queries.list_from_message(request))
        return queries.page_to_message(page)

    async def WatchPods(
        self, request: executor_pb2.WatchPodsRequest, context: Any
    ) -> AsyncGenerator[executor_pb2.WatchPodsResponse, None]:
        """Tell of changes until the client has heard enough."""
        updates = self._executor.watch_pods(*queries.watch_from_message(request))
        try:
            async for update in updates:
                yield queries.update_to_message(update)
        finally:
            await close(updates)

    async def StopPod(
        self, request: executor_pb2.StopPodRequest, context: Any
    ) -> executor_pb2.StopPodResponse:
        """Ask a pod to end."""
        records.refuse_unknown(request)
        grace_s = request.grace_seconds if request.HasField("grace_seconds") else None
        await self._executor.stop_pod(records.ref_from_message(request.ref), grace_s)
        return executor_pb2.StopPodResponse()

    async def DeletePod(
        self, request: executor_pb2.DeletePodRequest, context: Any
    ) -> executor_pb2.DeletePodResponse:
        """Forget a pod."""
        records.refuse_unknown(request)
        await self._executor.delete_pod(records.ref_from_message(request.ref))
        return executor_pb2.DeletePodResponse()

    async def GetPodLogs(
        self, request: logs_pb2.GetPodLogsRequest, context: Any
    ) -> AsyncGenerator[logs_pb2.LogChunk, None]:
        """Send a log."""
        ref = records.ref_from_message(request.ref)
        chunks = self._executor.pod_logs(ref, queries.logs_from_message(request))
        try:
            async for chunk in chunks:
                yield log_columns.chunk_to_message(chunk)
        finally:
            await close(chunks)

    async def GetInfo(
        self, request: info_pb2.GetInfoRequest, context: Any
    ) -> info_pb2.GetInfoResponse:
        """Say what the executor is."""
        return records.info_to_message(await self._executor.info())
