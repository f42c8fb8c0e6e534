"""The daemon's side of TLS. Files are read anew at the next handshake after they have changed."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

import grpc

from argoexec_cli.errors import ArgoexecError, InvalidError
from argoexec_cli.models.connection import ServerTls, Tls
from argoexec_cli.rpc.tls import Stamp, read_pem, stamp

_log = logging.getLogger(__name__)


def server_credentials(tls: ServerTls) -> grpc.ServerCredentials:
    """Demand certificates of clients; present our own. Errors of the files are raised here.

    Later, files that do not fit together, as in the middle of being replaced, are left unused until
    they do.
    """
    files = _Files(tls)
    return grpc.dynamic_ssl_server_credentials(
        files.load(),
        files.changed,  # type: ignore[arg-type]  # None stands for "as before"; the stubs forget it
        require_client_authentication=True,
    )


class _Files:
    """The three files, and the state in which they were last looked at."""

    def __init__(self, tls: ServerTls) -> None:
        self._tls = tls
        self._seen = self._stamp()

    def load(self) -> grpc.ServerCertificateConfiguration:
        tls = self._tls
        cert, key, client_ca = (read_pem(Path(name)) for name in (tls.cert, tls.key, tls.client_ca))
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls.cert, tls.key)
            context.load_verify_locations(tls.client_ca)
        except ssl.SSLError as exc:
            text = f"{tls.cert}, {tls.key} and {tls.client_ca} cannot be used: {exc.reason or exc}"
            hint = f"openssl x509 -in {tls.cert} -noout -text"
            raise InvalidError(text, hint=hint) from exc
        return grpc.ssl_server_certificate_configuration([(key, cert)], client_ca)

    def changed(self) -> grpc.ServerCertificateConfiguration | None:
        """Return what the files hold now; None when that is nothing new, or unusable."""
        now = self._stamp()
        if now == self._seen:
            return None
        try:
            loaded = self.load()
        except ArgoexecError as exc:
            _log.warning("new certificates are not used yet: %s", exc.message)
            return None
        self._seen = now
        _log.info("using the new certificates in %s", self._tls.cert)
        return loaded

    def _stamp(self) -> Stamp:
        return stamp(Tls(ca=self._tls.client_ca, cert=self._tls.cert, key=self._tls.key))
