"""A certificate authority in a folder, for the processes of one installation: each proves to the others that it is one of them.

Its certificates serve both ends of a connection. Who has `ca-key.pem` can make more of them: keep it away from the machines that
run, which need `ca.pem` and a certificate of their own.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from headworks.kernel.clock import now

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

AUTHORITY: Final = "ca"
LONGEST_DAYS: Final = 825
_AUTHORITY_DAYS: Final = 3_650
_EARLIER: Final = timedelta(hours=1)
"""Clocks of machines differ."""
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?")
_HOST: Final = re.compile(r"(\*\.)?[a-zA-Z0-9]([a-zA-Z0-9.-]{0,251}[a-zA-Z0-9])?")


class CertificateError(Exception):
    """It cannot be made; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate in the folder."""

    name: str
    path: Path
    key_path: Path
    hosts: tuple[str, ...]
    expires_at: datetime


def make_authority(folder: Path) -> Issued:
    """Raises CertificateError where there is one already, or no room for it."""
    if _certificate(folder, AUTHORITY).exists() or _key(folder, AUTHORITY).exists():
        raise CertificateError(
            f"{folder} has an authority already; certificates of a second one would not be believed."
        )
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Headworks internal authority")])
    certificate = (
        _builder(name, name, key, _AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return _write(folder, AUTHORITY, certificate, key)


def issue(folder: Path, name: str, hosts: Sequence[str], days: int) -> Issued:
    """A certificate for `name`, at the hosts that others reach it by; in place of the one that it had.

    Raises CertificateError.
    """
    if not _NAME.fullmatch(name) or name == AUTHORITY:
        raise CertificateError(
            f"{name!r} names no process; use small letters, digits, '-', '.' and '_', such as gateway-1."
        )
    if not 1 <= days <= LONGEST_DAYS:
        raise CertificateError(f"{days} days: a certificate is valid for 1 to {LONGEST_DAYS}.")
    authority, authority_key = _authority(folder)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    both = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    certificate = (
        _builder(subject, authority.subject, key, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(both, critical=False)
        .add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts or (name,)]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    return _write(folder, name, certificate, key)


def issued(folder: Path) -> list[Issued]:
    """All of them, the authority's first. Raises CertificateError."""
    try:
        names = sorted(path.stem for path in folder.glob("*.pem") if not path.stem.endswith("-key"))
        found = [_issued(folder, name, _read(folder, name)) for name in names]
    except (OSError, ValueError) as error:
        raise CertificateError(f"{folder} cannot be read: {error}") from None
    return sorted(found, key=lambda one: one.name != AUTHORITY)


def _authority(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        key = serialization.load_pem_private_key(_key(folder, AUTHORITY).read_bytes(), None)
        certificate = _read(folder, AUTHORITY)
    except FileNotFoundError:
        raise CertificateError(
            f"{folder} has no authority; make one: headworks certs authority --folder {folder}"
        ) from None
    except (OSError, ValueError, TypeError) as error:
        raise CertificateError(f"the authority in {folder} cannot be read: {error}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CertificateError(f"the authority in {folder} was not made by `headworks certs`.")
    return certificate, key


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    at = now()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - _EARLIER)
        .not_valid_after(at + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        pass
    if not _HOST.fullmatch(host):
        raise CertificateError(f"{host!r} is no host: write control.example.com or 10.0.0.5.")
    return x509.DNSName(host)


def _write(folder: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Issued:
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(_key(folder, name), pem, 0o600)
        _replace(_certificate(folder, name), certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    except OSError as error:
        raise CertificateError(f"{folder} cannot be written: {error.strerror}.") from None
    return _issued(folder, name, certificate)


def _replace(path: Path, content: bytes, mode: int) -> None:
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _read(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(_certificate(folder, name).read_bytes())


def _issued(folder: Path, name: str, certificate: x509.Certificate) -> Issued:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        hosts: tuple[str, ...] = ()
    else:
        hosts = tuple(str(one.value) for one in names)
    return Issued(name, _certificate(folder, name), _key(folder, name), hosts, certificate.not_valid_after_utc)


def _certificate(folder: Path, name: str) -> Path:
    return folder / f"{name}.pem"


def _key(folder: Path, name: str) -> Path:
    return folder / f"{name}-key.pem"
