"""The seam for containers: what the local executor asks of Docker, containerd or the scripted fake.

The rule that shapes it: *the runtime never holds the only copy of what we must not lose, and we
never need its memory of why*. Every object has a name and labels that follow from the pod (see
`labels`), so creating it twice is finding it, and a new process lists what is there and goes on. No
method knows what a pod's phase is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Final, Literal, NamedTuple, Protocol

import msgspec

from argoexec_cli.models.logs import LogRun

LABEL_PREFIX: Final = "io.argoexec."
"""Every runtime object of ours carries `io.argoexec.owner` and the labels of its `ContainerKey`."""


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the data that crosses this seam: immutable, compared by value, never stored."""


class ContainerKey(Value, frozen=True, kw_only=True):
    """Which container this is, for ever: one live container per key at most.

    `container` is empty for the sandbox itself. `attempt` counts restarts from 0.
    """

    pod_uid: str
    container: str
    attempt: int = 0

    @property
    def object_name(self) -> str:
        """The runtime's name for it: the same key always gives the same name."""
        # A container may be called sandbox, too, but has no dot in its name.
        name = f"-{self.container}" if self.container else ".sandbox"
        return f"argoexec-{self.pod_uid}{name}-{self.attempt}"


class Mount(Value, frozen=True, kw_only=True):
    """A directory or file of the host (`source`, absolute) at `target` in the container. Order
    matters: outer before inner.
    """

    source: str
    target: str
    read_only: bool = False


class Credentials(Value, frozen=True, kw_only=True):
    """Who we are at a registry. Never logged, never stored.

    `identity_token` is given in place of a password, for an OAuth token of the registry's.
    """

    username: str
    password: str
    identity_token: str = ""

    def __repr__(self) -> str:
        """Keep the secrets out of every message."""
        return f"Credentials(username={self.username!r})"


class ImagePull(Value, frozen=True, kw_only=True):
    """An image to have on the host. `policy`: Always, IfNotPresent or Never, already resolved from
    the tag.
    """

    image: str
    policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    credentials: Credentials | None = None


class Image(Value, frozen=True, kw_only=True):
    """An image that is on the host. `id` is what to start it by; `digest` is the registry's, when
    it has one.

    `pulled` says whether bytes were fetched for this call, `user` is the image's USER (`uid[:gid]`
    or a name, may be empty).
    """

    id: str
    digest: str = ""
    size_bytes: int = 0
    user: str = ""
    pulled: bool = False


class PullProgress(Value, frozen=True, kw_only=True):
    """How far a pull is: bytes fetched and known so far, layers done and in all."""

    bytes_done: int = 0
    bytes_total: int = 0
    layers_done: int = 0
    layers_total: int = 0


class Port(Value, frozen=True, kw_only=True):
    """A port of the host (of `host_ip`, or of all its addresses) that leads to one of the pod.
    `protocol`: tcp, udp or sctp.
    """

    host_port: int
    container_port: int
    protocol: str = "tcp"
    host_ip: str = ""


class SandboxSpec(Value, frozen=True, kw_only=True):
    """What the containers of a pod share: network namespace, hostname.

    `shared` says that several containers run at once (or one after the other with the same
    address); a runtime may give a single container its own network instead of making a sandbox
    object. `own_hostname` says that the kernel has to know `hostname`, because the pod asks for it.
    With a `domain` /etc/hosts has the full name, too, and with `full_hostname` the kernel.
    `host_network` takes the host's network instead; `share_processes` has the containers see each
    other's processes; `aliases` are more lines of /etc/hosts: address and names. `ports` lead here
    for as long as the network is there, with or without a sandbox object; one that is taken is
    `AlreadyExistsError`, from `create_sandbox` or from the `start` that makes the network.
    """

    key: ContainerKey
    pod_name: str
    pod_namespace: str
    hostname: str
    domain: str = ""
    shared: bool = False
    own_hostname: bool = False
    full_hostname: bool = False
    host_network: bool = False
    share_processes: bool = False
    aliases: tuple[tuple[str, tuple[str, ...]], ...] = ()
    ports: tuple[Port, ...] = ()
    labels: dict[str, str] = {}

    @property
    def kernel_hostname(self) -> str:
        """What `hostname` prints."""
        return f"{self.hostname}.{self.domain}" if self.full_hostname else self.hostname


class Sandbox(Value, frozen=True, kw_only=True):
    """A sandbox that exists. `id` is the runtime's (empty when it needs no object), `ip` the pod's
    address if known yet.

    When `resolv_conf` is set, the runtime leaves the network's files to the caller, who mounts
    /etc/hosts, /etc/hostname and /etc/resolv.conf (with that text); `hostname` is then what the
    kernel says.
    """

    id: str = ""
    spec: SandboxSpec
    ip: str = ""
    hostname: str = ""
    resolv_conf: str = ""


class Resources(Value, frozen=True, kw_only=True):
    """Hard limits; 0 means none."""

    cpu_millicores: int = 0
    memory_bytes: int = 0


class Security(Value, frozen=True, kw_only=True):
    """Who a container runs as and what it may do; the defaults are the image's and the runtime's.

    `group` alone goes with the image's user. `groups` are more groups of its first process.
    Capabilities are named without CAP_, or ALL; they are dropped first, then added.
    """

    user: int | None = None
    group: int | None = None
    groups: tuple[int, ...] = ()
    read_only_root: bool = False
    no_new_privileges: bool = False
    privileged: bool = False
    add_capabilities: tuple[str, ...] = ()
    drop_capabilities: tuple[str, ...] = ()


class ContainerSpec(Value, frozen=True, kw_only=True):
    """A container to start, everything resolved: no references, no variables, no defaults left to
    find.

    `command` replaces the image's entrypoint and drops its CMD; `args` alone replaces CMD; both
    empty runs the image as it is. `env` replaces variables of the image with the same name.
    `stdin` keeps the input open, empty (`stdin_once`: until its first writer is gone); otherwise it
    is at its end. `tty` is a terminal for all three streams: what comes out of it is stdout.
    """

    key: ContainerKey
    sandbox: Sandbox
    image: Image
    spec_hash: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    working_dir: str = ""
    env: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    resources: Resources = Resources()
    security: Security = Security()
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False
    labels: dict[str, str] = {}


class Handle(Value, frozen=True, kw_only=True):
    """A container or sandbox that exists in the runtime: enough to find it again after a restart of
    either side.
    """

    id: str
    key: ContainerKey


class Found(Value, frozen=True, kw_only=True):
    """One of our objects as `list` sees it. `created_at` lets a reaper leave the young alone."""

    handle: Handle
    state: Literal["created", "running", "exited"]
    spec_hash: str = ""
    created_at: datetime
    ip: str = ""


Reason = Literal["Completed", "Error", "OOMKilled", "ContainerStatusUnknown"]


class Exit(Value, frozen=True, kw_only=True):
    """How a container ended.

    `reason`: Completed, Error, OOMKilled (also when a child was killed and the main process ended
    by itself), or ContainerStatusUnknown when the runtime no longer knows. `exit_code` is 128 +
    signal for a death by signal.
    """

    exit_code: int
    reason: Reason
    started_at: datetime | None = None
    finished_at: datetime | None = None


class LogBatch(NamedTuple):
    """Runs of lines in the order in which the runtime has them; `position` resumes strictly after
    the last of them.
    """

    runs: list[LogRun]
    position: str


class Capabilities(Value, frozen=True, kw_only=True):
    """What this runtime can do beyond the protocol; asked for, never guessed from its name.

    `security` says that it honours `ContainerSpec.security` and the sandbox's host network, shared
    processes and aliases; pods that ask for any of these are refused without it. `images` says that
    it implements `runtime.images.ImageStore` too, `exec` the same of `runtime.exec.RuntimeExecs`,
    `processes` that a container is one: it has a kernel and files. `ports` says that it honours
    `SandboxSpec.ports`, `terminal` the same of `stdin` and `tty`; without them pods are refused.
    """

    name: str
    version: str
    binary_logs: bool = True
    limits: bool = True
    shared_sandbox: bool = True
    security: bool = True
    images: bool = False
    exec: bool = False
    processes: bool = True
    ports: bool = False
    terminal: bool = False

    @property
    def powers(self) -> tuple[str, ...]:
        """What an executor on this runtime declares of it."""
        return tuple(name for name in _POWERS if getattr(self, name))


_POWERS: Final = ("exec", "limits", "ports", "processes", "security", "terminal")
OnProgress = Callable[[PullProgress], Awaitable[None]]


class Runtime(Protocol):
    """Runs containers. Every method may be repeated; none knows about pods' phases.

    Cancelling a call stops the waiting only: what was asked of the runtime goes on. Errors:
    `UnavailableError` when the runtime (or, in `pull`, the registry) does not answer, and what each
    method names. Made by an async context manager, whose end closes connections and leaves every
    container as it is.
    """

    @property
    def capabilities(self) -> Capabilities:
        """Name, version and powers, read when the runtime was opened."""
        ...

    async def pull(self, pull: ImagePull, on_progress: OnProgress | None = None) -> Image:
        """Have the image on the host, as the policy says.

        `NotFoundError`: no such image or digest, or policy Never and not there.
        `UnauthenticatedError`/`DeniedError`: the registry wants (other) credentials.
        `InvalidError`: not an image name.
        """
        ...

    async def create_sandbox(self, spec: SandboxSpec) -> Sandbox:
        """Make, or find, what the pod's containers share."""
        ...

    async def start(self, spec: ContainerSpec) -> Handle:
        """Create the container if its key is new, start it if it never ran, and return it.

        `StartError`: the command cannot be started (not found, not executable); the container is
        then gone or never ran. `InvalidError`: the runtime refuses the configuration.
        `NotFoundError`: image or sandbox is gone. A container with this key that ended already is
        not started again: `wait` tells how it ended.
        """
        ...

    async def wait(self, handle: Handle) -> Exit:
        """Return how the container ended, once it has. Any number of callers, also long after.

        A restart of the runtime meanwhile is survived. An unknown container gives
        ContainerStatusUnknown, never an error.
        """
        ...

    async def stop(self, handle: Handle, *, grace_s: float) -> None:
        """Ask the container to end (TERM), force it after *grace_s* (KILL), return when it has
        ended.

        An ended or unknown container is left alone. A container that was created and not started
        will never run.
        """
        ...

    async def remove(self, handle: Handle) -> None:
        """Delete the container or sandbox and its log from the runtime, by force if it runs.
        Unknown: nothing to do.
        """
        ...

    async def list(self) -> list[Found]:
        """Return our containers and sandboxes (the owner's label is ours), whatever their state."""
        ...

    def logs(
        self, handle: Handle, position: str = "", *, follow: bool = True
    ) -> AsyncIterator[LogBatch]:
        """Read what the container wrote, from *position* on ("" is the start).

        With *follow*, ends by itself when the container has ended and everything was read; it
        survives a restart of the runtime. Without, ends at what is there now. No line is lost or
        repeated across calls that resume. Long lines may come in pieces: all but the last piece are
        runs without a newline at their end. A batch holds at most about 256 KiB.
        """
        ...
