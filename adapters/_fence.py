"""The fence around each call of an adapter: a time limit, one log line, known errors, no secret."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import TypeVar

from adapters.terms import PendingError, RefusedError, UnreachableError, UnsupportedError

T = TypeVar("T")

log = logging.getLogger("curfew.adapters")

MESSAGE_LIMIT = 240
"""Characters kept of a provider's message."""


QUIET = frozenset({"document"})
"""Verbs that machines ask for all day long."""


def cleaned(message: object, secrets: Collection[str]) -> str:
    """One line of at most `MESSAGE_LIMIT` characters in which none of the secrets stands."""
    text = " ".join(str(message).split())
    for secret in secrets:
        text = text.replace(secret, "•••")
    return text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 1] + "…"


@dataclass(frozen=True, slots=True)
class Fence:
    """One provider's. `limit` is in seconds, for each call."""

    provider: str
    limit: float
    clean: Callable[[object], str]

    async def call(self, verb: str, mark: str, hook: Callable[[], Awaitable[T]]) -> T:
        """What the hook answers. Whatever escapes it becomes one of the contract's errors."""
        began = time.perf_counter()
        outcome = "cancelled"
        try:
            async with asyncio.timeout(self.limit):
                answer = await hook()
            outcome = "ok"
        except UnsupportedError:
            raise
        except (UnreachableError, PendingError, RefusedError) as error:
            outcome = error.outcome
            error.args = (self.clean(error),)
            raise error.with_traceback(None) from None
        except TimeoutError:
            outcome = "timeout"
            raise UnreachableError(f"no answer within {self.limit:g} s") from None
        except Exception as error:  # noqa: BLE001 - the fence: no stray error leaves an adapter
            outcome = "unreachable"
            message = f"{type(error).__name__}: {error}"
            raise UnreachableError(self.clean(message)) from None
        else:
            return answer
        finally:
            took = (time.perf_counter() - began) * 1000
            said = ("%s %s %s %s %.1f ms", self.provider, verb, mark, outcome, took)
            log.log(logging.DEBUG if verb in QUIET else logging.INFO, *said)
