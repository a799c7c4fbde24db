"""A certificate of our own making, for trying out TLS before there is a real one."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID_FOR = timedelta(days=730)


def ensure_certificate(certificate: Path, key: Path, names: Iterable[str], wall: float) -> str:
    """Make a self-signed certificate where there is none; the warning to show, or "" when both files exist.

    `names` are the host names and addresses it bears, the first one its subject; `wall` is now, in seconds since
    1970. Raises FileNotFoundError when only one of the two files is there: a lost key is not ours to
    replace; OSError when they cannot be written; ValueError without a name.
    """
    if certificate.exists() and key.exists():
        return ""
    for missing, other in ((certificate, key), (key, certificate)):
        if other.exists():
            raise FileNotFoundError(f"{missing} is missing, but {other} exists")
    bears = list(dict.fromkeys(names))
    if not bears:
        raise ValueError("a certificate needs a name")
    secret = ec.generate_private_key(ec.SECP256R1())
    made = _self_signed(secret, bears, datetime.fromtimestamp(wall, UTC))
    pem = secret.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # The key first: a certificate file means that its key is there.
    _write(key, pem, 0o600)
    _write(certificate, made.public_bytes(serialization.Encoding.PEM), 0o644)
    return (
        f"{certificate} is a self-signed certificate made just now, for trying out: phones that check "
        "certificates will refuse it. Replace it and its key by real ones before anyone relies on TLS."
    )


def _self_signed(secret: ec.EllipticCurvePrivateKey, bears: list[str], now: datetime) -> x509.Certificate:
    # A common name holds 64 characters; what counts are the alternative names anyway (RFC 5922 §7.1).
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, bears[0][:64])])
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        # A day back, for phones whose clock lags.
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + VALID_FOR)
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in bears]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=False)
        .sign(secret, hashes.SHA256())
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name.partition("%")[0]))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Never half a file, and a key never readable by others, not even for a moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
