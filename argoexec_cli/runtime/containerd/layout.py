"""Where this owner's containers and networks have their files, and what containerd calls them.

<owner>/containers/<id>/stdout, stderr   what the container wrote
<owner>/containers/<id>/started          there from just before its start on; when, to say so
<owner>/networks/<id>/netns              the network namespace, kept by a mount
<owner>/networks/<id>/network.json       how it was made, so that it can be unmade
<owner>/sandboxes/<id>/sandbox.json      what the containers of a pod share
<owner>/sandboxes/<id>/ipc, shm          more that they share, kept by mounts
<owner>/execs/<id>/stdin, stdout, stderr what a further command reads and writes
<owner>/holder                           the files of the process that keeps a pid namespace
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final, NamedTuple

from argoexec_cli.runtime.base import ContainerKey

_ID: Final = re.compile(r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*")
_LONGEST_ID: Final = 76


class Layout(NamedTuple):
    """One owner's directory, and the control group of its containers."""

    owner: str
    root: Path
    cgroup_parent: str = ""
    systemd_cgroup: bool = False

    @property
    def containers(self) -> Path:
        """The directory of the containers."""
        return self.root / "containers"

    @property
    def networks(self) -> Path:
        """The directory of the networks."""
        return self.root / "networks"

    @property
    def sandboxes(self) -> Path:
        """The directory of what several containers share."""
        return self.root / "sandboxes"

    def stdout(self, container: str) -> Path:
        """The file of what the container writes to its stdout, or to its terminal."""
        return self.containers / container / "stdout"

    def stderr(self, container: str) -> Path:
        """The file of what the container writes to its stderr."""
        return self.containers / container / "stderr"

    def started(self, container: str) -> Path:
        """The file that is there when the container was, or may have been, started."""
        return self.containers / container / "started"

    def cgroup(self, container: str) -> str:
        """The container's control group, as the OCI specification names it."""
        if self.systemd_cgroup:
            return f"{self.cgroup_parent or 'system.slice'}:argoexec:{container}"
        return f"{self.cgroup_parent or '/argoexec'}/{container}"


def container_id(key: ContainerKey) -> str:
    """Return containerd's id of the container with *key*: its name, where that is not too long."""
    name = key.object_name
    if len(name) <= _LONGEST_ID and _ID.fullmatch(name):
        return name
    return f"argoexec-{hashlib.sha256(name.encode()).hexdigest()[:40]}-{key.attempt}"
