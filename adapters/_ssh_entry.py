"""What a person pastes to log in: the certificate where ssh finds it, and the ssh line."""

import shlex
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    SSHCertificate,
)

from adapters.base import Credential, Snippet


@dataclass(frozen=True, slots=True)
class Way:
    """Where a person logs in. Without a host the line says HOST."""

    user: str
    host: str | None
    port: int

    def line(self, mark: str, *, is_made: bool) -> str:
        key = f"-o IdentitiesOnly=yes -i ~/.ssh/{mark}" if is_made else ""
        certificate = f"-o CertificateFile=~/.ssh/{mark}-cert.pub"
        port = f"-p {self.port}" if self.port != 22 else ""  # noqa: PLR2004 - ssh's own port
        place = shlex.quote(f"{self.user}@{self.host or 'HOST'}")
        return " ".join(word for word in ("ssh", key or certificate, port, place) if word)


def credential(
    mark: str,
    certificate: SSHCertificate,
    way: Way,
    made: Ed25519PrivateKey | None,
    *,
    ends: int,
) -> Credential:
    """`made` is the key that was made for the person, None where theirs was certified."""
    public = f"{certificate.public_bytes().decode()} {mark}"
    keep = [f"printf '%s\\n' '{public}' > ~/.ssh/{mark}-cert.pub"]
    if made is not None:
        private = made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
        keep = [f"(umask 077 && cat > ~/.ssh/{mark}) <<'END'", *private.splitlines(), "END", *keep]
    label = "Save the certificate" if made is None else "Save the key and its certificate"
    until = f"{datetime.fromtimestamp(ends, UTC):%Y-%m-%d %H:%M:%S} UTC"
    note = f"The certificate ends at {until}. After more time was given, get a new one here."
    if made is None:
        note += " If your key is not where ssh looks for it, add -i and its path."
    return Credential(
        (
            Snippet(label, "\n".join(["mkdir -p -m 700 ~/.ssh", *keep])),
            Snippet("ssh", way.line(mark, is_made=made is not None)),
        ),
        note=note,
    )
