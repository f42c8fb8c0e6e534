"""What all workers of one executor share."""

from __future__ import annotations

import asyncio

import msgspec

from argoexec_cli.aio import Tasks
from argoexec_cli.executors.local.admission import Admission
from argoexec_cli.executors.local.images.collector import Collector
from argoexec_cli.executors.local.images.pulls import Images
from argoexec_cli.executors.local.logs import LogStore
from argoexec_cli.executors.local.messages import Messages
from argoexec_cli.executors.local.outputs import OutputFiles
from argoexec_cli.executors.local.pods import PodTable
from argoexec_cli.executors.local.secrets import SecretStore
from argoexec_cli.executors.local.settings import LocalSettings
from argoexec_cli.executors.local.turns import Turns
from argoexec_cli.executors.local.volumes import PodDirectories
from argoexec_cli.executors.local.watch import Hub
from argoexec_cli.runtime.base import Runtime


class Host(msgspec.Struct, frozen=True):
    """The parts, put together by `manager.open_local`. `sandboxes` and `starts` bound how many
    are made, and started, at a time; `restarted` says that the host was, since the executor before
    this one.
    """

    settings: LocalSettings
    runtime: Runtime
    table: PodTable
    logs: LogStore
    directories: PodDirectories
    secrets: SecretStore
    messages: Messages
    outputs: OutputFiles
    images: Images
    collector: Collector
    admission: Admission
    hub: Hub
    tasks: Tasks
    sandboxes: Turns
    starts: Turns
    removals: asyncio.Semaphore
    restarted: bool = False
