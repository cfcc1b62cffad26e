"""What the bot may do, found out without doing it.

AWS decides whether a request is allowed before it looks whether what it names exists. So each act
is asked for on something that cannot be there: "no such thing" means that we may, "access denied"
that we may not. Unlike a simulation this counts every policy there is, the organisation's too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from adapters.aws._errors import code_of
from adapters.aws._link import Calls
from adapters.base import RefusedError

_DENIED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedException"}
)
_KNOWN_NO: Final = frozenset(
    {
        "NoSuchEntity",
        "ResourceNotFoundException",
        "MalformedPolicyDocument",
        "ValidationException",
        "ValidationError",
        "InvalidParameterException",
        "InvalidRequestException",
    }
)
"""Answers that only somebody gets who may."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that changes nothing, whatever the answer. `action` where it is named otherwise."""

    service: str
    operation: str
    params: Mapping[str, object]
    action: str = ""

    @property
    def right(self) -> str:
        """As a policy names it."""
        prefix = {"sso-admin": "sso"}.get(self.service, self.service)
        words = self.operation.split("_")
        return self.action or f"{prefix}:{''.join(word.capitalize() for word in words)}"


def missing(calls: Calls, asked: Iterable[Asked]) -> list[str]:
    """A sentence for each right that is not there. Raises what is no answer to the question."""
    found = []
    for each in asked:
        try:
            calls(each.service, each.operation, **each.params)
        except RefusedError as error:
            if code_of(error) in _DENIED:
                found.append(
                    f"The bot may not use {each.right}: add it to its policy, which the adapter's"
                    " page in docs/adapters has."
                )
            elif code_of(error) not in _KNOWN_NO:
                raise
    return found
