"""What can be set about the local executor."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import msgspec

from argoexec_cli.executors.local.admission import Room
from argoexec_cli.executors.local.images.settings import ImageSettings
from argoexec_cli.executors.local.policy import Policy


class LocalSettings(msgspec.Struct, frozen=True):
    """Where the executor keeps its state and how much it may use.

    `retention_s`, `max_finished` and `max_log_bytes` bound what is kept of finished pods;
    `max_queued` how many may wait. `reap_grace_s` is the age from which containers of ours that no
    pod knows are removed. `parallel_starts` bounds how many containers the runtime starts at a
    time, and how many sandboxes it makes: more than about twice the cores only makes each slower.
    `restart_backoff_s` is the first and the longest wait before a container is started again, by
    default as the kubelet's CrashLoopBackOff. `evict_s` is how often volumes with a limit are
    looked at. `host_ip` is what pods learn as the host's address. `policy` is what pods may ask of
    the host.
    """

    data_dir: Path
    name: str
    version: str
    room: Room
    retention_s: float = 7 * 86400.0
    max_finished: int = 10_000
    max_log_bytes: int = 10 << 30
    max_queued: int = 10_000
    reap_grace_s: float = 60.0
    sweep_s: float = 60.0
    parallel_starts: int = 8
    restart_backoff_s: tuple[float, float] = (10.0, 300.0)
    evict_s: float = 10.0
    host_ip: str = ""
    images: ImageSettings = ImageSettings()
    policy: Policy = Policy()


def host_room(max_pods: int = 110) -> Room:
    """Return what this host has: its cores, its memory, and as many pods as a kubelet takes by
    default.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Room((os.cpu_count() or 1) * 1000, memory, max_pods)


def host_address() -> str:
    """Return the address from which this host reaches others; nothing is sent. The loopback's when
    it reaches none.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1: nobody has it
        except OSError:
            return "127.0.0.1"
        address: str = probe.getsockname()[0]
        return address
