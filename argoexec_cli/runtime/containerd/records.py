"""containerd's records of containers, as we write them."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from google.protobuf.any_pb2 import Any as AnyMessage

from argoexec_cli.rpc.gen.containerd.services import containers_pb2
from argoexec_cli.runtime.base import LABEL_PREFIX
from argoexec_cli.runtime.containerd.surroundings import Surroundings

NETWORK: Final = f"{LABEL_PREFIX}network"
"""The label that names the network of a container, where it has one of the owner's."""
STOP_SIGNAL: Final = "io.containerd.image.config.stop-signal"
"""containerd's own label of the image's stop signal."""
_SPEC: Final = "types.containerd.io/opencontainers/runtime-spec/1/Spec"
_OPTIONS: Final = "containerd.runc.v1.Options"


def record(
    surroundings: Surroundings,
    container: str,
    labels: dict[str, str],
    spec: dict[str, Any],
    image: str = "",
) -> containers_pb2.Container:
    """Describe a container whose files, if it has any of containerd's, are the snapshot of its id.

    The record is made before the snapshot, which containerd then never collects as garbage.
    """
    return containers_pb2.Container(
        id=container,
        labels=labels,
        image=image,
        runtime=containers_pb2.Container.Runtime(
            name=surroundings.runtime, options=task_options(surroundings)
        ),
        spec=AnyMessage(type_url=_SPEC, value=msgspec.json.encode(spec)),
        snapshotter=surroundings.snapshotter,
        snapshot_key=container,
    )


def task_options(surroundings: Surroundings) -> AnyMessage:
    """Return what the shim is told."""
    return AnyMessage(type_url=_OPTIONS, value=surroundings.options().SerializeToString())
