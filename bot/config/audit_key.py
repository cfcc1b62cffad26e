"""The key that signs checkpoints of the audit log, in a file that nobody else can read.

Made at the first start. Whoever has the public half, printed by `curfew audit key`, can check the
log without us.
"""

import base64
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from bot.config.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class AuditKey:
    """An Ed25519 key (RFC 8032). Its repr shows nothing of it."""

    path: Path
    _private: Ed25519PrivateKey = field(repr=False)

    @property
    def key_id(self) -> str:
        """16 hex characters of the public half's SHA-256: which key a signature is by."""
        return key_id(self._private.public_key())

    @property
    def public_pem(self) -> str:
        """The public half, for auditors."""
        return public_pem(self._private.public_key())

    @property
    def public(self) -> str:
        """The public half's 32 raw bytes, in base64."""
        return base64.b64encode(self._private.public_key().public_bytes_raw()).decode()

    def again(self) -> "AuditKey":
        """The key as its file holds it now. Raises as `load`."""
        return load(self.path)

    def sign(self, text: str) -> str:
        """The signature of a text, in base64."""
        return base64.b64encode(self._private.sign(text.encode())).decode()

    def has_signed(self, text: str, signature: str) -> bool:
        """Whether this is our signature under exactly this text."""
        try:
            self._private.public_key().verify(base64.b64decode(signature), text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


def key_id(public: Ed25519PublicKey) -> str:
    """16 hex characters that name a key."""
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()[:16]


def public_pem(public: Ed25519PublicKey) -> str:
    """PEM, as auditors' tools read it."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return public.public_bytes(serialization.Encoding.PEM, form).decode()


def load_or_make(path: Path) -> AuditKey:
    """The key in that file; a new one, written with mode 0600, when there is no such file.

    Raises `ConfigurationError` for a file that is no such key, that others can read, or that
    cannot be written.
    """
    return load(path) if path.exists() else make(path)


def load(path: Path) -> AuditKey:
    """The key in that file. Raises `ConfigurationError`, also when there is no such file."""
    try:
        return _load(path)
    except OSError as error:
        raise ConfigurationError(
            f"The audit key {path} cannot be read: {error.strerror}.",
            hints=("CURFEW_AUDIT_KEY names a file that the bot may read and write.",),
        ) from None


def _load(path: Path) -> AuditKey:
    if path.stat().st_mode & 0o077:
        raise ConfigurationError(
            f"Others can read the audit key {path}.", hints=(f"chmod 600 {path}",)
        )
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(
            f"{path} holds no Ed25519 key.",
            hints=("Name another file in CURFEW_AUDIT_KEY: a key is made where there is none.",),
        )
    return AuditKey(path, key)


def make(path: Path) -> AuditKey:
    """A new key in that file, readable by its owner only. The file must not be there."""
    private = Ed25519PrivateKey.generate()
    text = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigurationError(
            f"The audit key {path} cannot be written: {error.strerror}.",
            hints=("CURFEW_AUDIT_KEY names a file in a folder that the bot may write to.",),
        ) from None
    with os.fdopen(handle, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return AuditKey(path, private)
