"""What an author gives to the suite: a provider, and a view of it that goes round the adapter."""

import asyncio
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from enum import StrEnum, auto
from functools import cached_property
from typing import Any

from adapters.base import Adapter, Caps, Credential, Order, Person, Presence

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base32, of which grant ids are made."""

SHORT = timedelta(seconds=2)
"""How far off a native end is put that a test waits for."""


class Weather(StrEnum):
    """What can be wrong with a provider."""

    DOWN = auto()  # nobody answers: connections are refused
    SILENT = auto()  # connections are taken, no answer ever comes
    CROWDED = auto()  # "too many", for now
    LOCKED = auto()  # our own credentials are not accepted any more
    FORBIDDEN = auto()  # we are known, and may not change anything


class CannotStageError(Exception):
    """This ground cannot make that weather; the message says why and the test is skipped."""


class Door(ABC):
    """One open session of a person."""

    @abstractmethod
    async def is_open(self) -> bool:
        """Asks through the session itself."""

    @abstractmethod
    async def close(self) -> None: ...


def fresh_id() -> str:
    """A grant id that nobody has."""
    return "".join(secrets.choice(ALPHABET) for _ in range(12))


class Ground(ABC):
    """One provider to test on. Nothing here may go through the adapter under test."""

    # --- what every author writes -------------------------------------------------------------

    @cached_property
    def said(self) -> dict[str, Presence]:
        """What people said of each mark; the bot keeps it for every program that asks."""
        return {}

    @abstractmethod
    def connect(self, call_limit: float = 10.0) -> Adapter:
        """A new adapter for the provider, as another program would make it. The suite closes it."""

    @abstractmethod
    def block(self, number: int = 0) -> Mapping[str, Any]:
        """The `grant` block of a resource; 0 and 1 are two resources."""

    @abstractmethod
    async def inventory(self) -> frozenset[str]:
        """Everything at the provider that an adapter could leave, take or change, one line each.

        Logins with their attributes, memberships, policies, owners: the more, the sharper.
        """

    @abstractmethod
    async def admits(self, order: Order, credential: Credential | None) -> bool:
        """Does the provider let this person in and do what the resource allows, now?

        By the provider's own client. `credential` is None where the adapter issues none.
        """

    @abstractmethod
    async def hold(self, order: Order) -> None:
        """The access that the order would give is there already, made by somebody else.

        Without `PER_GRANT`: the very fact. With it: the same rights by the provider's other means.
        """

    @abstractmethod
    async def release(self, order: Order) -> None:
        """Takes back what `hold` made."""

    # --- what capabilities and courage call for -------------------------------------------------

    async def open_door(self, order: Order, credential: Credential | None) -> Door:
        """A session that stays open; for `ENDS_SESSIONS` and `WATCHES_SESSIONS`."""
        raise CannotStageError(f"no session for {order.mark}, with {credential}")

    async def by_hand(self, order: Order, wanted: Presence) -> Presence:
        """An operator does what the adapter's `task` asks for; what they say is there then."""
        raise CannotStageError(f"nobody makes {order.mark} {wanted} by hand here")

    async def take_away(self, order: Order) -> None:
        """Somebody else ends what a grant made, as crudely as the provider lets them."""
        raise CannotStageError(f"nobody else can end {order.mark} here")

    async def disguise(self) -> None:
        """Makes things whose names look like our mark to a careless eye; `inventory` shows them."""
        raise CannotStageError("this ground makes no look-alikes")

    def weather(self, kind: Weather) -> AbstractAsyncContextManager[None]:
        """The provider is in that state inside, and well again after."""
        raise CannotStageError(f"this ground makes no {kind} weather")

    def answers(self) -> Mapping[str, str]:
        """Right answers to what the adapter asks; none where all of it may stay empty."""
        return {}

    def secrets(self) -> tuple[str, ...]:
        """What must stand in no log, error or repr: the admin's password and its like."""
        return ()

    def person(self, name: str = "dana") -> Person:
        """Someone whom the provider knows."""
        return Person(user=f"U{name.upper()}", email=f"{name}@example.com", name=name.title())

    def nobody(self) -> Person:
        """Someone whom the provider does not know; for adapters that look people up.

        Raises `CannotStageError` where this form of access lets in whoever comes.
        """
        return Person(user="U0NOBODY", email="nobody@example.com", name="Nobody")

    async def hostile(self, text: str) -> Order:
        """An order in which everything that people can choose is this text.

        Where a provider has logins of that name, the author makes one and names it here.
        """
        person = Person(user="U0HOSTILE", email=f"{text}@example.com", name=text)
        return self.order(person=person, resource=text)

    async def until(self, moment: datetime) -> None:
        """Returns when the provider's clock has passed the moment; move it where it can be."""
        await asyncio.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))

    def now(self) -> datetime:
        """The provider's clock."""
        return datetime.now(UTC)

    # --- what the suite makes of it -------------------------------------------------------------

    def order(
        self,
        number: int = 0,
        *,
        who: str = "dana",
        lasts: timedelta = timedelta(hours=1),
        person: Person | None = None,
        resource: str | None = None,
    ) -> Order:
        """A new grant of resource `number`."""
        return Order(
            grant_id=fresh_id(),
            resource=resource or f"resource-{number}",
            params=self.block(number),
            person=person or self.person(who),
            expires_at=self.now() + lasts,
            answers=self.answers(),
        )

    def caps(self, adapter: Adapter, number: int = 0) -> Caps:
        return adapter.caps(self.block(number))
