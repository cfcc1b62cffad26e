"""What both databases offer to `Database`."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Literal, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")
Kind = Literal["sqlite", "postgresql"]


class Backend(ABC):
    """One database, opened."""

    kind: ClassVar[Kind]

    @abstractmethod
    async def write(self, fn: Callable[[Connection], T]) -> T:
        """Runs `fn` as one transaction; on return it is on disk."""

    @abstractmethod
    async def read(self, fn: Callable[[Connection], T]) -> T:
        """Runs `fn` on one consistent view that cannot be written to."""

    @abstractmethod
    async def peek(self, fn: Callable[[Connection], T]) -> T:
        """Runs `fn`, which makes one statement that reads, in as few round trips as can be."""

    @abstractmethod
    async def occupied(self) -> bool:
        """Somebody other than us works on this database now."""

    @abstractmethod
    def on_hint(self, callback: Callable[[], None]) -> None:
        """Calls back, on the event loop, when another process said that there is work."""

    @abstractmethod
    async def close(self) -> None:
        """Ends everything that was opened. May be repeated."""
