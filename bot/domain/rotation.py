"""How one signing key hands over to the next, so that whoever trusts the old one trusts the new.

The line of the log that tells of it holds the new public key and the old key's signature under the
text of this module. What the old key signs after that line counts for nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

HEADING: Final = "curfew-key-v1"


@dataclass(frozen=True, slots=True)
class Rotation:
    """Both ids, the new public key (32 raw bytes in base64), and where it stands in the log."""

    old: str
    new: str
    public: str
    signature: str = ""
    seq: int = 0

    def text(self) -> str:
        """The exact text that the old key signs: four lines, each ended by a newline."""
        return "".join(f"{word}\n" for word in (HEADING, self.old, self.new, self.public))

    @property
    def data(self) -> Mapping[str, str]:
        """What the event says."""
        return {
            "old": self.old,
            "new": self.new,
            "public": self.public,
            "signature": self.signature,
        }


def parse_rotation(seq: int, body: str) -> Rotation:
    """From a line of the log. Raises `ValueError` for one that does not say all of it."""
    data = json.loads(body).get("data")
    names = ("old", "new", "public", "signature")
    if not isinstance(data, dict) or not all(isinstance(data.get(name), str) for name in names):
        raise ValueError("this line tells of no change of keys")
    return Rotation(**{name: data[name] for name in names}, seq=seq)
