"""What a checkpoint says: how long the log is and what its last line's hash is, signed.

A checkpoint is seven lines of text, so that it can be read, posted, and checked by anybody who has
the public key. Each names the one before, so that none can be left out unseen.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bot.domain.chain import GENESIS, stamp

HEADING: Final = "curfew-checkpoint-v1"
LINES: Final = 6


@dataclass(frozen=True, slots=True)
class Statement:
    """What is signed. `size` is the number of the last line, `head` its hash.

    `previous` is the digest of the statement before, or 64 zeros. `key_id` names the key.
    """

    size: int
    head: str
    at: datetime
    previous: str
    key_id: str

    def text(self) -> str:
        """The exact text that is signed: six lines, each ended by a newline."""
        words = (HEADING, str(self.size), self.head, stamp(self.at), self.previous, self.key_id)
        return "".join(f"{word}\n" for word in words)

    def digest(self) -> str:
        """What the next statement calls `previous`."""
        return hashlib.sha256(self.text().encode()).hexdigest()


FIRST: Final = GENESIS


def parse_statement(text: str) -> Statement:
    """The statement of which this is the text. Raises `ValueError` for anything else."""
    lines = text.splitlines()
    if len(lines) != LINES or lines[0] != HEADING:
        raise ValueError("this is no checkpoint of Curfew")
    _, size, head, at, previous, key_id = lines
    when = datetime.strptime(at, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    return Statement(int(size), head, when, previous, key_id)
