"""The certificate authority whose certificate the container trusts."""

from __future__ import annotations

import datetime
from functools import lru_cache
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.paths import private_directory
from ironcurtain_tui.private_files import locked, read_private, write_private

KEY_FILE = "ca-key.pem"
CERTIFICATE_FILE = "ca-cert.pem"
COMMON_NAME = "IronCurtain TUI local CA"
_CA_DAYS = 3650
_LEAF_DAYS = 3
_CACHED_LEAVES = 64


class CertificateAuthority:
    """Signs the certificates the proxy shows to the agent.

    The authority's RSA key is kept; leaves have one P-256 key, made anew in every process. The
    authority's key never leaves the host.
    """

    def __init__(self, key: rsa.RSAPrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._certificate = certificate
        self.leaf_key = ec.generate_private_key(ec.SECP256R1())
        self.leaf = lru_cache(maxsize=_CACHED_LEAVES)(self._issue)
        """Certificate for a host name, valid from yesterday for three days; kept while it is in use."""

    @classmethod
    def load_or_create(cls, directory: Path) -> CertificateAuthority:
        """The authority kept in ``directory``, made there when there is none.

        Raises UserFacingError when its key could be read by others or is not what belongs there.
        """
        private_directory(directory)
        with locked(directory):  # two sessions that start at once must not make two authorities
            key_file, certificate_file = directory / KEY_FILE, directory / CERTIFICATE_FILE
            key = _load_key(key_file)
            certificate = _load_certificate(certificate_file)
            if key is None:
                key, certificate = rsa.generate_private_key(65537, 2048), None
                write_private(key_file, _key_pem(key))
            if certificate is None:
                certificate = _self_signed(key)
                write_private(certificate_file, certificate.public_bytes(serialization.Encoding.PEM))
        if certificate.public_key() != key.public_key():
            raise _broken(f"{certificate_file} does not belong to {key_file}", directory)
        if certificate.not_valid_after_utc < _now() + datetime.timedelta(days=_LEAF_DAYS):
            raise _broken(f"{certificate_file} has expired", directory)
        return cls(key, certificate)

    @property
    def certificate_pem(self) -> bytes:
        """The authority's certificate, for the container."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def bundle(self) -> bytes:
        """The public roots (certifi's) and ours, for clients that want one file with all they trust."""
        return Path(certifi.where()).read_bytes().rstrip(b"\n") + b"\n" + self.certificate_pem

    def _issue(self, host: str) -> x509.Certificate:
        now = _now()
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])]))
            .issuer_name(self._certificate.subject)
            .public_key(self.leaf_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=_LEAF_DAYS - 1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )


def _self_signed(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, COMMON_NAME)])
    now = _now()
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _load_key(path: Path) -> rsa.RSAPrivateKey | None:
    content = read_private(path, secret=True)
    if content is None:
        return None
    try:
        # Whether the numbers are primes takes a twentieth of a second; that the two files fit is asked later.
        key = serialization.load_pem_private_key(content, None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise _broken(f"{path} does not hold an RSA key", path.parent)
    return key


def _load_certificate(path: Path) -> x509.Certificate | None:
    content = read_private(path, secret=False)
    if content is None:
        return None
    try:
        return x509.load_pem_x509_certificate(content)
    except ValueError:
        raise _broken(f"{path} does not hold a certificate", path.parent) from None


def _key_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _broken(what: str, directory: Path) -> UserFacingError:
    return UserFacingError(
        f"The certificate authority is unusable: {what}.",
        f"Remove {directory / KEY_FILE} and {directory / CERTIFICATE_FILE}; new ones are made at the next start.",
    )


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
