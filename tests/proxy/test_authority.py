from __future__ import annotations

import os
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.proxy.authority import CERTIFICATE_FILE, KEY_FILE, CertificateAuthority


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "ca"
    CertificateAuthority.load_or_create(path)
    return path


def told(directory: Path) -> UserFacingError:
    with pytest.raises(UserFacingError) as caught:
        CertificateAuthority.load_or_create(directory)
    assert caught.value.remedy
    return caught.value


def test_made_once_and_kept(directory: Path) -> None:
    key, certificate = directory / KEY_FILE, directory / CERTIFICATE_FILE
    assert key.stat().st_mode & 0o777 == 0o600
    assert directory.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in directory.iterdir()) == [CERTIFICATE_FILE, KEY_FILE]
    before = key.read_bytes(), certificate.read_bytes()
    again = CertificateAuthority.load_or_create(directory)
    assert (key.read_bytes(), certificate.read_bytes()) == before
    assert again.certificate_pem == before[1]
    loaded = x509.load_pem_x509_certificate(again.certificate_pem)
    public = loaded.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    assert public.key_size == 2048
    assert "IronCurtain" in str(loaded.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    constraints = loaded.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert (constraints.value.ca, constraints.value.path_length) == (True, 0)


def test_leaves(directory: Path) -> None:
    authority = CertificateAuthority.load_or_create(directory)
    leaf = authority.leaf("api.anthropic.com")
    assert authority.leaf("api.anthropic.com") is leaf
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["api.anthropic.com"]
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    key = leaf.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)  # never the authority's own
    signer = x509.load_pem_x509_certificate(authority.certificate_pem).public_key()
    assert isinstance(signer, rsa.RSAPublicKey)
    signer.verify(leaf.signature, leaf.tbs_certificate_bytes, padding.PKCS1v15(), hashes.SHA256())
    for number in range(200):
        authority.leaf(f"h{number}.example.org")
    assert authority.leaf.cache_info().currsize <= 64
    other = CertificateAuthority.load_or_create(directory)
    assert other.leaf_key.private_numbers() != authority.leaf_key.private_numbers()


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # one of the public roots
def test_the_bundle_has_the_public_roots_and_ours(directory: Path) -> None:
    authority = CertificateAuthority.load_or_create(directory)
    public = x509.load_pem_x509_certificates(Path(certifi.where()).read_bytes())
    bundle = x509.load_pem_x509_certificates(authority.bundle())
    assert len(bundle) == len(public) + 1
    assert b"PRIVATE" not in authority.bundle()
    assert ssl.create_default_context(cadata=authority.bundle().decode()).cert_store_stats()["x509_ca"] == len(bundle)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o666])
def test_a_key_others_can_read_is_refused(directory: Path, mode: int) -> None:
    (directory / KEY_FILE).chmod(mode)
    error = told(directory)
    assert KEY_FILE in error.message
    assert error.remedy == f"Run `chmod 600 {directory / KEY_FILE}`."


def test_a_certificate_others_can_change_is_refused(directory: Path) -> None:
    (directory / CERTIFICATE_FILE).chmod(0o666)
    assert "changed by other users" in told(directory).message


@pytest.mark.parametrize("name", [KEY_FILE, CERTIFICATE_FILE])
def test_a_symbolic_link_is_refused(directory: Path, name: str) -> None:
    (directory / name).rename(directory / "elsewhere")
    (directory / name).symlink_to(directory / "elsewhere")
    assert "symbolic link" in told(directory).message


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("name", [KEY_FILE, CERTIFICATE_FILE])
def test_a_file_of_another_user_is_refused(directory: Path, name: str) -> None:
    os.chown(directory / name, 12345, -1)
    assert "belongs to another user (uid 12345)" in told(directory).message


def test_a_directory_in_the_files_place_is_refused(directory: Path) -> None:
    (directory / KEY_FILE).unlink()
    (directory / KEY_FILE).mkdir()
    assert KEY_FILE in told(directory).message


def test_key_and_certificate_must_belong_together(directory: Path, tmp_path: Path) -> None:
    CertificateAuthority.load_or_create(tmp_path / "other")
    (tmp_path / "other" / CERTIFICATE_FILE).replace(directory / CERTIFICATE_FILE)
    error = told(directory)
    assert "does not belong" in error.message
    assert KEY_FILE in error.remedy


@pytest.mark.parametrize("name", [KEY_FILE, CERTIFICATE_FILE])
@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_broken_file_is_told(directory: Path, name: str, content: bytes) -> None:
    (directory / name).write_bytes(content)
    assert name in told(directory).message


def test_a_key_of_another_kind_is_refused(directory: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    (directory / KEY_FILE).write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    assert "RSA" in told(directory).message


def test_a_start_that_died_between_the_two_files_is_mended(directory: Path) -> None:
    key = (directory / KEY_FILE).read_bytes()
    (directory / CERTIFICATE_FILE).unlink()
    (directory / f".{KEY_FILE}.999").write_bytes(b"half")
    CertificateAuthority.load_or_create(directory)
    assert (directory / KEY_FILE).read_bytes() == key
    (directory / KEY_FILE).unlink()
    CertificateAuthority.load_or_create(directory)
    assert (directory / KEY_FILE).read_bytes() != key


def test_two_that_start_at_once_get_the_same(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from ironcurtain_tui.proxy.authority import CertificateAuthority;"
        f"print(CertificateAuthority.load_or_create(pathlib.Path({str(tmp_path / 'ca')!r})).certificate_pem.hex())"
    )

    def run(_: int) -> bytes:
        return subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE).stdout

    with ThreadPoolExecutor(3) as pool:
        assert len(set(pool.map(run, range(3)))) == 1
