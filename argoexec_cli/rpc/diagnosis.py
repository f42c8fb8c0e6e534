"""Why there is no contact over TLS: gRPC knows and does not say, so a short handshake finds out.

Used after a contact has failed. A server that refuses a client's certificate closes the connection
without a word; what it minded is told from what is left.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from argoexec_cli.errors import ArgoexecError, UnauthenticatedError, UnavailableError
from argoexec_cli.models.connection import Tls
from argoexec_cli.rpc.address import Address

_LIMIT_S: Final = 3.0
_HELLO: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0"
_EXPIRED: Final = 10
_NOT_YET: Final = 9
_WRONG_NAMES: Final = (62, 64)
_ROTATE: Final = "argoexec certs show; new ones for a fleet: argoexec certs rotate FLEET"
_OTHER_CA: Final = "name the authority that signed it: --tls-ca FILE, or choose another --context"
_WANTED: Final = "--tls-ca FILE --tls-cert FILE --tls-key FILE, or a context: argoexec context list"


async def tls_fault(
    address: Address, tls: Tls | None, name: str, shown: str
) -> ArgoexecError | None:
    """Return what is wrong with TLS between here and *address*; None when it is something else.

    Without *tls* the question is whether the server wants it. *name* is the one that the server's
    certificate must have, *shown* the server as a person knows it.
    """
    if tls is None:
        return await asyncio.to_thread(_plain_fault, address, shown)
    return _own_fault(tls) or await asyncio.to_thread(_handshake_fault, address, tls, name, shown)


def _plain_fault(address: Address, shown: str) -> ArgoexecError | None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        with _connected(address) as raw, context.wrap_socket(raw):
            pass
    except OSError:
        return None
    text = f"{shown} speaks TLS only, and no certificate is set up for it here"
    return UnauthenticatedError(text, hint=_WANTED)


def _own_fault(tls: Tls) -> ArgoexecError | None:
    """Look at the client's certificate, as the server would."""
    if not tls.cert:
        return None
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificate(Path(tls.cert).expanduser().read_bytes())
    except ValueError:
        return UnauthenticatedError(f"{tls.cert} holds no certificate", hint=_ROTATE)
    now = datetime.now(UTC)
    if certificate.not_valid_after_utc < now:
        end = f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        return UnauthenticatedError(f"the certificate {tls.cert} expired on {end}", hint=_ROTATE)
    if certificate.not_valid_before_utc > now:
        begin = f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        text = f"the certificate {tls.cert} is valid only from {begin} on"
        return UnauthenticatedError(text, hint="check this machine's clock: date -u")
    return None


def _handshake_fault(address: Address, tls: Tls, name: str, shown: str) -> ArgoexecError | None:
    try:
        context = _context(tls)
    except ssl.SSLError as exc:
        text = f"{tls.cert} and {tls.key} are not a certificate and its key ({exc.reason})"
        return UnauthenticatedError(text, hint=_ROTATE)
    try:
        with (
            _connected(address) as raw,
            context.wrap_socket(raw, server_hostname=name) as channel,
        ):
            channel.sendall(_HELLO)
            answer = channel.recv(1)
    except ssl.SSLCertVerificationError as exc:
        return _server_fault(exc, name, shown)
    except ssl.SSLError as exc:
        if exc.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
            text = f"what answers at {shown} does not speak TLS"
            return UnavailableError(
                text, hint="start it with --tls-cert, --tls-key, --tls-client-ca"
            )
        return _refused(tls, shown)
    except OSError:
        return None
    return None if answer else _refused(tls, shown)


def _refused(tls: Tls, shown: str) -> ArgoexecError:
    if not tls.cert:
        text = f"{shown} wants a client certificate, and none is set up here"
        return UnauthenticatedError(text, hint=_WANTED)
    text = f"{shown} refuses the certificate {tls.cert}: it trusts another authority"
    return UnauthenticatedError(text, hint="argoexec certs show; is it this fleet's?")


def _server_fault(error: ssl.SSLCertVerificationError, name: str, shown: str) -> ArgoexecError:
    if error.verify_code == _EXPIRED:
        return UnauthenticatedError(f"the certificate of {shown} has expired", hint=_ROTATE)
    if error.verify_code == _NOT_YET:
        text = f"the certificate of {shown} is not valid yet"
        return UnauthenticatedError(text, hint="check both machines' clocks: date -u")
    if error.verify_code in _WRONG_NAMES:
        text = f"the certificate of {shown} is for another name than {name}"
        return UnauthenticatedError(text, hint="set tls.serverName in the context, if it is right")
    text = f"the certificate of {shown} is signed by an authority that is not trusted here"
    return UnauthenticatedError(text, hint=_OTHER_CA)


def _context(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(Path(tls.ca).expanduser()) if tls.ca else None)
    # gRPC does not ask for these either.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.set_alpn_protocols(["h2"])
    if tls.cert:
        context.load_cert_chain(Path(tls.cert).expanduser(), Path(tls.key).expanduser())
    return context


def _connected(address: Address) -> socket.socket:
    if address.path is None:
        return socket.create_connection((address.host, address.port), _LIMIT_S)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(_LIMIT_S)
    try:
        connection.connect(str(address.path))
    except OSError:
        connection.close()
        raise
    return connection
