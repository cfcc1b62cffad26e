"""Everything that went between the app and the sandbox, numbered; newest 20,000 kept."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.clock import Clock
    from sandbox.wire import Json

KEPT = 20_000


class Traffic:
    """A log of entries `{n, at, kind, …}`; tokens are never in it.

    Kinds: `call` (Web API), `response` (response URL), `delivery` (to the app, with its ack) and
    `socket` (connections).
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: deque[Json] = deque(maxlen=KEPT)
        self._last = 0

    def note(self, kind: str, **facts: object) -> Json:
        """Add an entry; what is returned may be completed later, as when the ack comes."""
        self._last += 1
        entry: Json = {"n": self._last, "at": self._clock.now(), "kind": kind, **facts}
        self._entries.append(entry)
        return entry

    def since(self, number: int = 0) -> list[Json]:
        """The entries after that number, oldest first."""
        return [entry for entry in self._entries if entry["n"] > number]

    def find(self, number: int) -> Json | None:
        """The entry of that number."""
        return next((entry for entry in self._entries if entry["n"] == number), None)

    def calls(self, method: str) -> list[Json]:
        """The Web API calls of one method."""
        return [e for e in self._of("call") if e["method"] == method]

    def deliveries(self, kind: str | None = None) -> list[Json]:
        """What was sent to the app, all of it or one envelope type."""
        sent = self._of("delivery")
        return [e for e in sent if kind is None or e["envelope"]["type"] == kind]

    def _of(self, kind: str) -> Iterable[Json]:
        return (entry for entry in self._entries if entry["kind"] == kind)
