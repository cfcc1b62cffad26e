"""What a form must remember until it comes back: which grant it is about, and where it was opened.

It travels in the form's `private_metadata`, through the person's own client: nothing in it is
authority, and nothing in it is secret.
"""

import json
from dataclasses import asdict, dataclass
from typing import Final

from bot.domain.words import kept

LIMIT: Final = 3_000


@dataclass(frozen=True, slots=True)
class Errand:
    """`channel` is where the button stood or the command was typed, empty for App Home.

    `number` is the extension's, counted from 1.
    """

    grant: str = ""
    channel: str = ""
    number: int = 0

    def dump(self) -> str:
        return json.dumps({key: value for key, value in asdict(self).items() if value})


def parse_errand(text: str) -> Errand:
    """What `dump` gave; for anything else an errand about nothing, which the engine refuses."""
    try:
        read = json.loads(text[:LIMIT]) if text else {}
    except (ValueError, RecursionError):
        return Errand()
    if not isinstance(read, dict):
        return Errand()
    number = read.get("number")
    return Errand(
        grant=kept(str(read.get("grant", ""))),
        channel=kept(str(read.get("channel", ""))),
        number=number if isinstance(number, int) else 0,
    )
