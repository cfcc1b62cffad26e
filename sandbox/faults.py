"""Faults on order: what goes wrong, for which method, how often.

A fault is tried in the order in which it was added; the first that fits is used. Methods are names
of the Web API, `response_url` for response URLs, `deliver` for what is sent to the app, or `*`.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping  # noqa: TC003 - pydantic reads the annotations of Fault
from dataclasses import dataclass, field
from enum import StrEnum


class FaultKind(StrEnum):
    """What happens instead of, or after, the real thing."""

    ERROR = "error"  # `ok: false` with the given code
    RATELIMITED = "ratelimited"  # 429 with Retry-After, with or without a JSON body
    STATUS = "status"  # an HTTP error with an HTML page
    HANG = "hang"  # no answer, ever
    SLOW = "slow"  # the right answer, late
    DROP = "drop"  # the connection is cut before anything is done
    STORED_THEN_DROP = "stored_then_drop"  # done, then the connection is cut
    STORED_THEN_STATUS = "stored_then_status"  # done, then an HTTP error
    NOT_JSON = "not_json"  # 200 with a page that is no JSON
    LOSE = "lose"  # for `deliver`: never sent
    DUPLICATE = "duplicate"  # for `deliver`: sent twice, at once, same envelope


@dataclass(slots=True)
class Fault:
    """One order. `times` None means always; `match` are arguments that the call must have."""

    method: str
    kind: FaultKind
    times: int | None = 1
    error: str = "internal_error"
    retry_after: int = 1
    with_json: bool = True
    status: int = 500
    seconds: float = 1.0
    needed: str = ""
    provided: str = ""
    match: Mapping[str, str] = field(default_factory=dict)

    def fits(self, method: str, args: Mapping[str, object]) -> bool:
        if self.times == 0 or not fnmatch.fnmatchcase(method, self.method):
            return False
        return all(str(args.get(key)) == str(value) for key, value in self.match.items())


class Faults:
    """The orders that are still open."""

    def __init__(self) -> None:
        self._orders: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Order one."""
        self._orders.append(fault)

    def clear(self) -> None:
        """Cancel all orders: from now on everything works."""
        self._orders.clear()

    def take(self, method: str, args: Mapping[str, object]) -> Fault | None:
        """The fault for this call, counted down."""
        fault = next((order for order in self._orders if order.fits(method, args)), None)
        if fault is not None and fault.times is not None:
            fault.times -= 1
        return fault
