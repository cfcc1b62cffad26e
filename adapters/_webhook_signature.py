"""Signatures that a receiver can check in any language: Standard Webhooks, symmetric form.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
The key is base64 behind `whsec_`; what is signed is `id.timestamp.body` with HMAC-SHA256.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a key, as the specification has them."""


def key_of(secret: str) -> bytes:
    """The key behind a secret. Raises `ValueError` with what is expected."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(PREFIX) or not SHORTEST <= len(key) <= LONGEST:
        raise ValueError(
            f"is {PREFIX} and the base64 of {SHORTEST} to {LONGEST} random bytes; make one with:"
            f' python3 -c "import base64, secrets;'
            f" print('{PREFIX}' + base64.b64encode(secrets.token_bytes(32)).decode())\""
        )
    return key


def signed(key: bytes, body: bytes, *, at: datetime | None = None) -> Mapping[str, str]:
    """The three headers that go with a body. Each call gives another id."""
    moment = str(int((at or datetime.now(UTC)).timestamp()))
    name = f"msg_{secrets.token_hex(16)}"
    digest = hmac.new(key, f"{name}.{moment}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": name,
        "webhook-timestamp": moment,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
