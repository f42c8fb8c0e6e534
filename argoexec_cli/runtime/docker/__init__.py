"""Docker Engine (20.10 and newer) as a runtime, through its HTTP API. `open_docker` is the door."""

from argoexec_cli.runtime.docker.opening import open_docker
from argoexec_cli.runtime.docker.runtime import DockerOptions

__all__ = ["DockerOptions", "open_docker"]
