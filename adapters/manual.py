"""Access that a person makes: where no program can, Curfew asks, reminds and keeps the word.

Rules that this adapter keeps:

- It asks nobody itself. `PendingError` with `by_hand` makes the bot post the task, and what an
  operator answers comes back as `Order.said`.
- What was asked to be made is asked to be removed, also when nobody said that they made it.
- The task names the mark, so that what was made by hand can be found by it.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar

from pydantic import Field, StringConstraints

from adapters.base import (
    Adapter,
    Caps,
    GrantParams,
    Order,
    PendingError,
    Presence,
    ProviderSettings,
)

LOOK_AGAIN = 30.0
"""Seconds between two looks for an answer; an answer itself makes the bot look at once."""

Instructions = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=5, max_length=1500)
]


class ManualSettings(ProviderSettings):
    """The provider's block. Nothing has to be said."""


class ManualParams(GrantParams):
    """A resource's `grant` block: what an operator does, in their own words.

    `minutes` is how long they may take to give access before the grant fails.
    """

    give: Instructions
    take_away: Instructions
    minutes: int = Field(default=30, ge=1, le=24 * 60)


class ManualAdapter(Adapter):
    """See the module. The provider is whoever presses Done."""

    kind: ClassVar[str] = "manual"
    capabilities: Caps = Caps.PER_GRANT
    settle: ClassVar[timedelta] = timedelta(0)
    Settings: ClassVar[type[ProviderSettings]] = ManualSettings
    Params: ClassVar[type[GrantParams]] = ManualParams

    def patience(self, params: Mapping[str, Any]) -> timedelta:
        """As long as the resource allows its operators."""
        return timedelta(minutes=ManualParams.model_validate(dict(params)).minutes)

    def makes(self, params: Mapping[str, Any]) -> str:
        """Whatever the operators make."""
        del params
        return "given and taken away by hand"

    def task(self, order: Order, wanted: Presence) -> str:
        """The instructions of the policy, with whom and what they are about."""
        person = order.person
        names = [person.name, person.email, person.names.get(self.kind), person.user]
        who = ", ".join(dict.fromkeys(name for name in names if name))
        about = [f"Person: {who}", f"Resource: {order.resource}", f"Mark: {order.mark}"]
        if wanted is Presence.PRESENT:
            about.append(f"Until: {order.expires_at:%Y-%m-%d %H:%M} UTC")
        return "\n".join([self._instructions(order, wanted), *about])

    def cleanup(self, order: Order) -> str:
        """The instructions for taking it away."""
        return self.task(order, Presence.ABSENT)

    async def _probe(self) -> list[str]:
        return []

    async def _grant(self, order: Order) -> None:
        self._wait_for(order, Presence.PRESENT)

    async def _revoke(self, order: Order) -> None:
        if not order.params and order.said is None:
            return  # a mark that nobody knows any more was never asked of anybody
        self._wait_for(order, Presence.ABSENT)

    async def _verify(self, order: Order) -> Presence:
        return order.said or Presence.ABSENT

    def _wait_for(self, order: Order, wanted: Presence) -> None:
        if order.said is wanted:
            return
        act = "give access" if wanted is Presence.PRESENT else "take access away"
        raise PendingError(
            f"an operator has to {act} by hand and press Done",
            retry_after=LOOK_AGAIN,
            by_hand=True,
        )

    @staticmethod
    def _instructions(order: Order, wanted: Presence) -> str:
        if not order.params:
            return f"Look for everything that is named or noted {order.mark}, and remove it."
        params = ManualParams.model_validate(dict(order.params))
        return params.give if wanted is Presence.PRESENT else params.take_away
