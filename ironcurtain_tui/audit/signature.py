"""The installation's signing key, and the words it signs. Format: docs/audit-format.md."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ironcurtain_tui.audit.chain import Head
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.paths import private_directory
from ironcurtain_tui.private_files import locked, read_private, write_private

KEY_FILE = "signing-key.pem"
PUBLIC_FILE = "signing-key.pub.pem"


def checkpoint_text(head: Head) -> bytes:
    """What a checkpoint in a log signs: how far which session had come."""
    return f"ironcurtain-tui checkpoint v1\n{head.session}\n{head.seq}\n{head.hash}\n".encode()


def ledger_text(ledger: Head, event: str, head: Head) -> bytes:
    """What a line of the ledger signs: the same, and after which line of the ledger (``ledger``)."""
    words = ("ironcurtain-tui ledger v1", ledger.seq + 1, ledger.hash, event, head.session, head.seq, head.hash, "")
    return "\n".join(map(str, words)).encode()


@dataclass(frozen=True)
class VerifyingKey:
    """The public half."""

    raw: bytes
    """32 bytes, as RFC 8032 has them."""

    @classmethod
    def load(cls, directory: Path) -> VerifyingKey | None:
        """The key kept in ``directory``, None when there is none; UserFacingError when it is not to be trusted."""
        content = read_private(directory / PUBLIC_FILE, secret=False)
        if content is None:
            return None
        try:
            key = serialization.load_pem_public_key(content)
        except ValueError:
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise UserFacingError(f"{directory / PUBLIC_FILE} does not hold an Ed25519 key.", "Restore it.")
        return cls(key.public_bytes_raw())

    @property
    def text(self) -> str:
        """Base64 of the key, as records carry it."""
        return base64.b64encode(self.raw).decode()

    def signed(self, text: bytes, signature: object) -> bool:
        """Whether ``signature`` (base64) is this key's for ``text``."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(base64.b64decode(str(signature), validate=True), text)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


class SigningKey:
    """The private half: made once, 0600, and never copied into a session's directory or a container."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = VerifyingKey(key.public_key().public_bytes_raw())

    @classmethod
    def load_or_create(cls, directory: Path) -> SigningKey:
        """The key kept in ``directory``, made there when there is none.

        Raises UserFacingError when others could read it or it is not what belongs there.
        """
        private_directory(directory)
        with locked(directory):
            content = read_private(directory / KEY_FILE, secret=True)
            if content is None:
                made = Ed25519PrivateKey.generate()
                content = made.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
                write_private(directory / KEY_FILE, content)
            try:
                key = serialization.load_pem_private_key(content, None)
            except (ValueError, TypeError):
                key = None
            if not isinstance(key, Ed25519PrivateKey):
                raise UserFacingError(
                    f"{directory / KEY_FILE} does not hold an Ed25519 key.",
                    "Restore it, or remove it: a new one is made, and older logs then count as signed by another key.",
                )
            public = key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            if read_private(directory / PUBLIC_FILE, secret=False) != public:
                write_private(directory / PUBLIC_FILE, public)
        return cls(key)

    def sign(self, text: bytes) -> str:
        """The signature of ``text``, in base64."""
        return base64.b64encode(self._key.sign(text)).decode()
