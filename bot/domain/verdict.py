"""The answer to "may this be": yes, or no with the reason and the way out.

A refusal is a value for as long as nobody has to be stopped; `require` makes it one who stops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot.domain.errors import RefusalError
from bot.domain.people import Standing

if TYPE_CHECKING:
    from bot.domain.people import Account


@dataclass(frozen=True, slots=True)
class Verdict:
    """`code` is stable and empty for a yes; `message` is one sentence; `hint` is the way out."""

    code: str = ""
    message: str = ""
    hint: str = ""

    @property
    def ok(self) -> bool:
        return not self.code

    def __bool__(self) -> bool:
        return self.ok

    def require(self) -> None:
        """Raises `RefusalError` with the same code, message and hint when the answer is no."""
        if self.code:
            raise RefusalError(self.code, self.message, hint=self.hint)


YES: Final = Verdict()


def not_a_member(account: Account) -> Verdict:
    """The answer to guests, bots, deactivated accounts and people of other workspaces."""
    what = {
        Standing.GUEST: "Guests",
        Standing.BOT: "Apps and workflows",
        Standing.DEACTIVATED: "Deactivated accounts",
    }.get(account.standing, "People of other workspaces")
    return Verdict(
        "not_member",
        f"{what} cannot use Curfew here.",
        "A full member of this workspace can ask instead.",
    )
