"""News of the workspace, in order: what the page's event streams and waiting tests listen to."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sandbox.wire import Json

KEPT = 2_000
"""News kept for streams that resume; older ones are told to fetch everything again."""


@dataclass(frozen=True, slots=True)
class News:
    """One thing that happened; `audience` None means everybody."""

    id: int
    body: Json
    audience: frozenset[str] | None

    def is_for(self, user: str) -> bool:
        return self.audience is None or user in self.audience


class Feed:
    """Numbers the news and hands them to the listeners, synchronously."""

    def __init__(self) -> None:
        self._kept: deque[News] = deque(maxlen=KEPT)
        self._listeners: set[Callable[[News], None]] = set()
        self.last_id = 0

    def publish(self, kind: str, body: Json, audience: Iterable[str] | None = None) -> None:
        """Tell the audience (None: everybody) that something of this kind happened."""
        self.last_id += 1
        seen_by = None if audience is None else frozenset(audience)
        news = News(self.last_id, {**body, "type": kind}, seen_by)
        self._kept.append(news)
        for listener in tuple(self._listeners):
            listener(news)

    def listen(self, listener: Callable[[News], None]) -> Callable[[], None]:
        """Have the listener called for all news from now on; call what is returned to stop."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def since(self, last_id: int) -> list[News] | None:
        """The news after that number, or None when they are no longer (or not yet) known."""
        if last_id > self.last_id or (self._kept and last_id < self._kept[0].id - 1):
            return None
        return [news for news in self._kept if news.id > last_id]

    def anew(self) -> News:
        """What a stream that missed too much is told: fetch everything again."""
        return News(self.last_id, {"type": "reset"}, None)
