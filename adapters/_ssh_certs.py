"""Certificates: for which keys, and by whose signature."""

import base64
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    SSHCertificateBuilder,
    SSHCertificateType,
    SSHCertPrivateKeyTypes,
    SSHCertPublicKeyTypes,
    load_ssh_private_key,
    load_ssh_public_identity,
    load_ssh_public_key,
)

from adapters._ssh_agent import Agent
from adapters.base import RefusedError

SHORTEST_RSA = 2048
KINDS = (ed25519.Ed25519PublicKey, ec.EllipticCurvePublicKey, rsa.RSAPublicKey)
CA_KINDS = (ed25519.Ed25519PrivateKey, ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey)
PRIVATE = re.compile(r"PRIVATE KEY|PuTTY-User-Key-File|b3BlbnNzaC1rZXktdjE", re.IGNORECASE)
EXAMPLE = "Paste the one line of a .pub file, such as ~/.ssh/id_ed25519.pub."

NOT_A_KEY = f"This is no public key. {EXAMPLE}"
OLD_KIND = "Keys of this kind are not safe any more. Make one: ssh-keygen -t ed25519."
A_PRIVATE_KEY = (
    "This is a private key, which nobody else may ever see; it has left your machine now, so make"
    f" a new pair (ssh-keygen) and give this one up. {EXAMPLE}"
)


def public_key(text: str) -> SSHCertPublicKeyTypes:
    """The key of a line as in a `.pub` file. Raises `ValueError` with a sentence for the person."""
    line = text.strip()
    if PRIVATE.search(line):
        raise ValueError(A_PRIVATE_KEY)
    words = line.split()
    if "\n" in line or not words[1:]:
        raise ValueError(NOT_A_KEY)
    if "-cert-v01@" in words[0]:
        raise ValueError(f"This is a certificate, not the key that it was made for. {EXAMPLE}")
    if words[0].startswith("sk-"):
        raise ValueError(
            "Keys on a security device cannot be certified here. Leave this empty, and a key is"
            " made, or paste another one."
        )
    try:
        key = load_ssh_public_key(" ".join(words[:2]).encode())
    except (ValueError, UnsupportedAlgorithm, UnicodeEncodeError):
        raise ValueError(NOT_A_KEY) from None
    if not isinstance(key, KINDS):
        raise ValueError(OLD_KIND)  # noqa: TRY004 - wrong text, not a wrong type
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < SHORTEST_RSA:
        raise ValueError(f"This RSA key is too short: {SHORTEST_RSA} bits are the least.")
    return key


def complaint(text: str) -> str | None:
    """What is wrong with a pasted key, without any of it; None when nothing is."""
    try:
        public_key(text)
    except ValueError as error:
        return str(error)
    return None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a certificate says. There is always a principal: without one it would be for all."""

    key: SSHCertPublicKeyTypes
    mark: str
    serial: int
    principals: Sequence[str]
    valid_after: int
    valid_before: int
    options: Sequence[tuple[str, str]] = ()
    extensions: Sequence[str] = ()

    def builder(self) -> SSHCertificateBuilder:
        """Everything but the signature."""
        if not self.principals or not all(self.principals):
            raise RefusedError("A certificate without principals would be for everybody.")
        built = (
            SSHCertificateBuilder()
            .public_key(self.key)
            .type(SSHCertificateType.USER)
            .serial(self.serial)
            .key_id(self.mark.encode())
            .valid_principals([name.encode() for name in self.principals])
            .valid_after(self.valid_after)
            .valid_before(self.valid_before)
        )
        for name, value in self.options:
            built = built.add_critical_option(name.encode(), value.encode())
        for name in self.extensions:
            built = built.add_extension(name.encode(), b"")
        return built


class Signer(Protocol):
    """A CA's key, wherever it is. All of it blocks."""

    def missing(self) -> list[str]:
        """What keeps it from signing, a sentence each."""
        ...

    def sign(self, wanted: Wanted) -> SSHCertificate:
        """Raises `RefusedError` and `UnreachableError`."""
        ...


class FileSigner:
    """A key in a file, read when it is used: whoever exchanges it need not restart anything."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def missing(self) -> list[str]:
        """Also that others could read the key."""
        try:
            self._key()
            mode = self._place.stat().st_mode
        except RefusedError as error:
            return [str(error)]
        if mode & 0o077:
            return [f"Others can read the CA's key. Run: chmod 600 {self._place}"]
        return []

    def sign(self, wanted: Wanted) -> SSHCertificate:
        return wanted.builder().sign(self._key())

    def _key(self) -> SSHCertPrivateKeyTypes:
        try:
            key = load_ssh_private_key(self._place.read_bytes(), password=None)
        except OSError as error:
            raise RefusedError(
                f"The CA's key {self._place} cannot be read: {error.strerror}."
            ) from None
        except TypeError:
            raise RefusedError(
                f"The CA's key {self._place} has a passphrase: put it into an agent (ca_agent)."
            ) from None
        except (ValueError, UnsupportedAlgorithm):
            raise RefusedError(
                f"{self._place} is no private key of OpenSSH. Make one: ssh-keygen -t ed25519"
            ) from None
        if not isinstance(key, CA_KINDS):
            raise RefusedError(f"The CA's key {self._place} must be an Ed25519, ECDSA or RSA key.")
        return key


class AgentSigner:
    """A key in an ssh-agent, named by its public half."""

    def __init__(self, agent: Agent, public: SSHCertPublicKeyTypes) -> None:
        self._agent = agent
        self._public = wire(public)

    def missing(self) -> list[str]:
        if self._agent.holds(self._public):
            return []
        return ["The agent does not have the CA's key, or is locked. Run: ssh-add, or ssh-add -X"]

    def sign(self, wanted: Wanted) -> SSHCertificate:
        """Built with a key of no consequence, whose name and signature are then exchanged."""
        stand_in = ed25519.Ed25519PrivateKey.generate()
        made = wanted.builder().sign(stand_in)
        kind, text = made.public_bytes().split()[:2]
        whole = base64.b64decode(text)
        exchanged = _string(wire(stand_in.public_key())) + _string(STAND_IN_SIGNATURE)
        unsigned = whole[: len(whole) - len(exchanged)] + _string(self._public)
        signed = unsigned + _string(self._agent.sign(self._public, unsigned))
        try:
            certificate = load_ssh_public_identity(kind + b" " + base64.b64encode(signed))
            assert isinstance(certificate, SSHCertificate)  # noqa: S101 - by its own first word
            certificate.verify_cert_signature()
        except (ValueError, InvalidSignature):
            raise RefusedError("The agent's signature is not one of the CA's key.") from None
        return certificate


def wire(key: SSHCertPublicKeyTypes) -> bytes:
    """A public key in the wire format."""
    return base64.b64decode(key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1])


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


STAND_IN_SIGNATURE = _string(b"ssh-ed25519") + _string(bytes(64))
"""As long as one of an Ed25519 key."""
