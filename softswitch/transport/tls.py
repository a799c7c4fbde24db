"""TLS contexts for both sides, TLS 1.2 and 1.3, renewed without a restart (RFC 3261 §26.2.1, RFC 5922)."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where the certificates are, as PEM."""

    certificate: Path
    """Ours, with the chain up to the authority, our own first."""
    key: Path
    """Its private key, without a password."""
    authorities: Path | None = None
    """Whom we trust, besides those that the system trusts, when we open a connection."""
    verify: bool = True
    """Whether connections that we open need a valid certificate; False only for trying out."""


class TlsContexts:
    """The two contexts of a running switch. Read `server` and `client` at each handshake."""

    def __init__(self, files: TlsFiles) -> None:
        """Raises OSError (ssl.SSLError is one) when a file is missing, unreadable or does not fit the others."""
        self._files = files
        self.server: ssl.SSLContext
        """For those who connect to us; they show no certificate."""
        self.client: ssl.SSLContext
        """For connections that we open; the peer's certificate is verified with its name."""
        self.reload()

    def reload(self) -> None:
        """Read the files again; connections that stand are not touched.

        Raises as the constructor; then everything stays as it was.
        """
        files = self._files
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.minimum_version = ssl.TLSVersion.TLSv1_2
        server.load_cert_chain(files.certificate, files.key)
        client = ssl.create_default_context()
        if files.authorities is not None:
            client.load_verify_locations(files.authorities)
        client.minimum_version = ssl.TLSVersion.TLSv1_2
        # Shown when asked: trunks that want to know us by our certificate.
        client.load_cert_chain(files.certificate, files.key)
        if not files.verify:
            client.check_hostname = False
            client.verify_mode = ssl.CERT_NONE
        self.server, self.client = server, client
