"""ConfigMaps and Secrets on the wire, where values are bytes and not base64."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

import msgspec

from argoexec_cli.models.base import FieldError, UnknownFieldError, decode
from argoexec_cli.models.companions import Companions
from argoexec_cli.models.config import ConfigMap, Secret
from argoexec_cli.rpc.gen.argoexec.v1alpha1 import executor_pb2, workflows_pb2
from argoexec_cli.rpc.gen.k8s import config_pb2
from argoexec_cli.rpc.reading import reader
from argoexec_cli.rpc.writing import writer

_T = TypeVar("_T", ConfigMap, Secret)


def config_map_to_message(one: ConfigMap) -> config_pb2.ConfigMap:
    """Return the message for *one*."""
    return config_pb2.ConfigMap(**_plain(one, config_pb2.ConfigMap.DESCRIPTOR))


def config_map_from_message(message: config_pb2.ConfigMap, path: str) -> ConfigMap:
    """Return the ConfigMap at *path* of a request. `FieldError` for what is not implemented."""
    return _read(message, ConfigMap, path)


def secret_to_message(one: Secret) -> config_pb2.Secret:
    """Return the message for *one*."""
    return config_pb2.Secret(**_plain(one, config_pb2.Secret.DESCRIPTOR))


def secret_from_message(message: config_pb2.Secret, path: str) -> Secret:
    """Return the Secret at *path* of a request. `FieldError` for what is not implemented; no value
    is in its message.
    """
    return _read(message, Secret, path)


def companions_from_message(
    message: executor_pb2.RunPodRequest | workflows_pb2.SubmitRequest,
) -> Companions:
    """Return what came beside a pod or a run. `FieldError` as above."""
    return Companions(
        tuple(
            config_map_from_message(one, f"config_maps[{place}]")
            for place, one in enumerate(message.config_maps)
        ),
        tuple(
            secret_from_message(one, f"secrets[{place}]")
            for place, one in enumerate(message.secrets)
        ),
    )


def _read(message: Any, model: type[_T], path: str) -> _T:
    try:
        return decode(reader(message.DESCRIPTOR, model, strict=True)(message), model)
    except UnknownFieldError as exc:
        raise UnknownFieldError(f"{path}.{exc.path}", hint=exc.hint) from exc
    except FieldError as exc:
        raise FieldError(f"{path}.{exc.path}", "is not valid", hint=exc.hint) from None


def _plain(one: ConfigMap | Secret, descriptor: Any) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(one, builtin_types=(datetime, bytes))
    plain.pop("apiVersion", None)
    plain.pop("kind", None)
    adapt = writer(descriptor, type(one))
    return adapt(plain) if adapt else plain
