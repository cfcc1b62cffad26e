"""The public keys by which checkpoints are checked, and the change from one key to the next.

Beside the key file lie `NAME.former`, the public halves of the keys before it, and, while a change
is under way, `NAME.next`, the key that is about to come into force.
"""

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from bot.config.audit_key import AuditKey, key_id, load, make, public_pem
from bot.config.errors import ConfigurationError
from bot.domain.rotation import Rotation

END: Final = "-----END PUBLIC KEY-----\n"


@dataclass(slots=True)
class KeyRing:
    """Public keys by id, and behind which line of the log each may not sign any more."""

    keys: dict[str, Ed25519PublicKey]
    _retired: dict[str, int] = field(default_factory=dict)

    def has_signed(self, key_id: str, text: str, signature: str) -> bool:
        """Whether that key is here, and signed this."""
        key = self.keys.get(key_id)
        if key is None:
            return False
        try:
            key.verify(base64.b64decode(signature), text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True

    def may_sign(self, key_id: str, size: int) -> bool:
        """False for a log that goes beyond the line at which the key was replaced."""
        return size < self._retired.get(key_id, size + 1)

    def follow(self, rotation: Rotation) -> bool:
        """Trust the new key as the old one is trusted. False when it was not the old one's word."""
        self._retired.setdefault(rotation.old, rotation.seq)
        if rotation.old not in self.keys:
            return True  # nothing can be said; the new one is trusted only if it is here already
        if not self.has_signed(rotation.old, rotation.text(), rotation.signature):
            return False
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(rotation.public))
        if key_id(key) != rotation.new:
            return False
        self.keys[rotation.new] = key
        return True


def ring_at(path: Path) -> KeyRing:
    """The key in that file and those before it. Raises `ConfigurationError`."""
    own = load(path)
    keys = {key_id(key): key for key in _public_keys(former_of(path))}
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(own.public))
    return KeyRing({**keys, own.key_id: public})


def former_of(path: Path) -> Path:
    """Where the public halves of former keys are kept."""
    return path.with_name(path.name + ".former")


def stage(path: Path) -> AuditKey:
    """The key that is about to come into force: made, or found where a change was cut short."""
    following = path.with_name(path.name + ".next")
    return load(following) if following.exists() else make(following)


def hand_over(old: AuditKey, new: AuditKey) -> None:
    """The staged key takes the place of the old one, whose public half is kept."""
    former = former_of(old.path)
    if not any(key_id(key) == old.key_id for key in _public_keys(former)):
        with former.open("a", encoding="ascii") as file:
            file.write(old.public_pem)
            file.flush()
            os.fsync(file.fileno())
    new.path.replace(old.path)


def pems(ring: KeyRing) -> Iterator[str]:
    """Each key as PEM, the former ones first."""
    return map(public_pem, ring.keys.values())


def _public_keys(path: Path) -> Iterator[Ed25519PublicKey]:
    if not path.exists():
        return
    for text in path.read_text(encoding="ascii").split(END)[:-1]:
        try:
            key = load_pem_public_key(f"{text}{END}".encode())
        except ValueError:
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise ConfigurationError(
                f"{path} holds something else than public keys.",
                hints=("It is written by `curfew audit rotate-key`; put it back from a backup.",),
            )
        yield key
