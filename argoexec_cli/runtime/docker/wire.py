"""What the Engine API answers, as far as we read it.

Typed, so that a surprise is an error here and not later.

Field names are the API's (https://docs.docker.com/engine/api/v1.41/). Fields that we do not use are
skipped.
"""

from __future__ import annotations

from datetime import datetime

import msgspec


class Wire(msgspec.Struct, frozen=True, rename="pascal", kw_only=True):
    """Base of the API's objects; unknown fields are skipped, as newer engines have more of them."""


class Version(Wire, frozen=True, kw_only=True):
    """Answer of /version."""

    version: str
    api_version: str
    min_api_version: str = msgspec.field(name="MinAPIVersion", default="1.12")


class Info(Wire, frozen=True, kw_only=True):
    """Answer of /info."""

    server_version: str
    docker_root_dir: str = ""
    memory_limit: bool = False
    cpu_cfs_quota: bool = False


class Created(Wire, frozen=True, kw_only=True):
    """Answer of /containers/create."""

    id: str


class State(Wire, frozen=True, kw_only=True):
    """State of a container; the times are year 1 while they have not come."""

    status: str
    exit_code: int = 0
    oom_killed: bool = msgspec.field(name="OOMKilled", default=False)
    started_at: datetime
    finished_at: datetime


class Config(Wire, frozen=True, kw_only=True):
    """The part of a container's or image's configuration that is not the host's affair."""

    labels: dict[str, str] | None = None
    stop_signal: str = ""
    user: str = ""


class Endpoint(Wire, frozen=True, kw_only=True):
    """A container's place in one network."""

    ip_address: str = msgspec.field(name="IPAddress", default="")


class Networks(Wire, frozen=True, kw_only=True):
    """All networks of a container."""

    networks: dict[str, Endpoint] | None = None

    @property
    def ip(self) -> str:
        """The first address that there is; empty while it does not run or without a network."""
        return next((one.ip_address for one in (self.networks or {}).values()), "")


class HostConfig(Wire, frozen=True, kw_only=True):
    """The part of a container's configuration that is the host's affair."""

    network_mode: str = ""


class Inspected(Wire, frozen=True, kw_only=True):
    """Answer of /containers/{id}/json."""

    id: str
    resolv_conf_path: str = ""
    state: State
    config: Config
    network_settings: Networks = Networks()


class Listed(Wire, frozen=True, kw_only=True):
    """One entry of /containers/json; `created` is in seconds since the epoch."""

    id: str
    state: str
    created: int
    labels: dict[str, str] | None = None
    host_config: HostConfig = HostConfig()
    network_settings: Networks = Networks()


class ImageInfo(Wire, frozen=True, kw_only=True):
    """Answer of /images/{name}/json."""

    id: str
    size: int = 0
    repo_digests: list[str] | None = None
    config: Config | None = None


class ListedImage(Wire, frozen=True, kw_only=True):
    """One entry of /images/json."""

    id: str
    size: int = 0


class UserOfImage(Wire, frozen=True, kw_only=True):
    """What an entry of /containers/json says about its image."""

    image_id: str = msgspec.field(name="ImageID", default="")


class InspectedExec(Wire, frozen=True, kw_only=True):
    """Answer of /exec/{id}/json; `exit_code` is null while it runs, `pid` 0 before and after."""

    running: bool
    exit_code: int | None = None
    pid: int = 0


class Actor(Wire, frozen=True, kw_only=True):
    """Whom an event is about. `attributes` has the labels, too."""

    id: str = msgspec.field(name="ID")
    attributes: dict[str, str] = {}


class Event(Wire, frozen=True, kw_only=True):
    """One line of /events."""

    action: str
    actor: Actor
    time_ns: int = msgspec.field(name="timeNano")


class ProgressDetail(msgspec.Struct, frozen=True):
    """Bytes of one layer in a pull."""

    current: int = 0
    total: int = 0


class PullLine(msgspec.Struct, frozen=True, rename={"progress": "progressDetail"}):
    """One line of a pull's or load's stream; `error` ends it."""

    status: str = ""
    id: str = ""
    progress: ProgressDetail = ProgressDetail()
    error: str = ""
