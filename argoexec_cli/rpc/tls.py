"""A client's side of TLS: the files of a `models.connection.Tls` as gRPC's credentials."""

from __future__ import annotations

from pathlib import Path

import grpc
import msgspec

from argoexec_cli.errors import ArgoexecError, DeniedError, InvalidError, NotFoundError
from argoexec_cli.models.connection import Tls

Stamp = tuple[tuple[int, int, int], ...]


class TlsFiles(msgspec.Struct, frozen=True):
    """What the files hold. None: there is no such file, which means what `Tls` says."""

    ca: bytes | None
    cert: bytes | None
    key: bytes | None


def channel_credentials(tls: Tls) -> grpc.ChannelCredentials:
    """Read the files now. `NotFoundError`, `DeniedError` or `InvalidError` name the culprit."""
    files = read_files(tls)
    return grpc.ssl_channel_credentials(files.ca, files.key, files.cert)


def read_files(tls: Tls) -> TlsFiles:
    """Read the files; raises as `channel_credentials` does."""
    if bool(tls.cert) != bool(tls.key):
        missing, there = ("key", tls.cert) if tls.cert else ("certificate", tls.key)
        raise InvalidError(
            f"the {missing} that belongs to {there} is not named",
            hint="a certificate and its key go together: --tls-cert FILE --tls-key FILE",
        )
    return TlsFiles(
        *(read_pem(Path(name)) if name else None for name in (tls.ca, tls.cert, tls.key))
    )


def read_pem(path: Path) -> bytes:
    """Read a PEM file; its content is never part of an error."""
    try:
        data = path.expanduser().read_bytes()
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    if b"-----BEGIN " not in data:
        raise InvalidError(f"{path} is not a PEM file", hint=f"file {path}")
    return data


def stamp(tls: Tls) -> Stamp:
    """Return what differs once one of the files has been replaced."""
    found = []
    for name in filter(None, (tls.ca, tls.cert, tls.key)):
        try:
            stat = Path(name).expanduser().stat()
        except OSError:
            continue
        found.append((stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return tuple(found)


def _unreadable(path: Path, error: OSError) -> ArgoexecError:
    if isinstance(error, FileNotFoundError):
        return NotFoundError(f"{path}: no such file", hint="argoexec context list")
    if isinstance(error, PermissionError):
        return DeniedError(f"{path} may not be read", hint=f"ls -l {path}")
    return InvalidError(f"{path} cannot be read: {error.strerror}", hint=f"ls -l {path}")
