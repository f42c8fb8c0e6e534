"""What travels between a client and an executor, beside the pod itself."""

from datetime import datetime
from typing import Final, Literal

from argoexec_cli.models.base import Model
from argoexec_cli.models.config import ConfigMap, Secret
from argoexec_cli.models.pod import Pod

RESULT_LIMIT_BYTES: Final = 262_144
"""How much of stdout becomes `outputs.result`: its last 256 KiB, as in Argo."""


class PodRef(Model, kw_only=True):
    """Names a pod. An empty `uid` means whichever pod has the name; another pod's uid is
    `NotFoundError`.
    """

    namespace: str = "default"
    name: str
    uid: str = ""

    def __str__(self) -> str:
        """Render as kubectl does: namespace/name."""
        return f"{self.namespace}/{self.name}"


class FileParameter(Model, kw_only=True):
    """A file of the container that becomes a parameter. Without a `default`, a pod that succeeds
    and has not written it is failed (`OutputError`).
    """

    name: str
    path: str
    default: str | None = None


class OutputsWanted(Model):
    """What to collect when the pod has ended. `container` is the one that counts, the first by
    default. Files are written in place: what a task renames over one is not seen.
    """

    result: bool = False
    exit_code: bool = False
    container: str = ""
    parameters: tuple[FileParameter, ...] = ()


class File(Model, kw_only=True):
    """A file that is in the named emptyDir volume before the pod's containers start. `path` is
    relative to the volume.
    """

    volume: str
    path: str
    content: str
    mode: int = 0o644


class PodRequest(Model):
    """A pod to run, files to have in its volumes, what to collect from it, and the ConfigMaps and
    Secrets that it refers to by name.
    """

    pod: Pod
    outputs: OutputsWanted = OutputsWanted()
    files: tuple[File, ...] = ()
    config_maps: tuple[ConfigMap, ...] = ()
    secrets: tuple[Secret, ...] = ()


class OutputParameter(Model, kw_only=True):
    """A parameter that was read from a file, without one newline at its end, or its default."""

    name: str
    value: str


class PodOutputs(Model):
    """What was collected, in Argo's terms.

    `result`: stdout, one trailing newline removed, then the last 262,144 bytes. `exit_code`:
    decimal. `parameters`: in the order in which they were asked for.
    """

    result: str | None = None
    exit_code: str | None = None
    parameters: tuple[OutputParameter, ...] = ()


class PodEvent(Model, kw_only=True):
    """Something that happened to a pod, in the kubelet's words (Scheduled, Pulling, Started,
    Killing, Failed, …).
    """

    time: datetime
    type: Literal["Normal", "Warning"] = "Normal"
    reason: str
    message: str = ""
    container: str = ""
    count: int = 1


class PodRecord(Model):
    """A pod with its status, outputs and events.

    `revision` grows with every change of any pod of the executor. `events` is complete in
    `get_pod`, new ones only in `watch_pods`, and empty in `list_pods`.
    """

    pod: Pod
    outputs: PodOutputs = PodOutputs()
    events: tuple[PodEvent, ...] = ()
    revision: int = 0

    @property
    def ref(self) -> PodRef:
        """The pod's full name."""
        meta = self.pod.metadata
        return PodRef(namespace=meta.namespace, name=meta.name, uid=meta.uid)


class PodQuery(Model):
    """Which pods. Empty fields match all; `selector` is kubectl's label selector syntax."""

    namespace: str = ""
    name: str = ""
    selector: str = ""
    phase: str = ""
    limit: int = 0
    page_token: str = ""


class PodPage(Model):
    """One page of pods, oldest first; an empty `next_page_token` ends the list."""

    records: tuple[PodRecord, ...]
    next_page_token: str = ""


class PodUpdate(Model):
    """One message of a watch.

    ADDED and MODIFIED carry the pod as it is now, DELETED as it was last. SYNCED, without a pod,
    comes once, when everything up to the present has been replayed. `token` resumes a watch
    strictly after this message.
    """

    type: Literal["ADDED", "MODIFIED", "DELETED", "SYNCED"]
    record: PodRecord | None = None
    token: str = ""
