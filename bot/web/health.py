"""Is it alive, and is it ready? Answered from what is so now; no answer holds a secret."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

TICKS_WITHIN: Final = 10.0
"""Seconds within which a living engine completes a tick."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look at one part found. `ok` false keeps the bot from being ready.

    `says` is one sentence for an operator, and may be empty when all is well. `figures` are
    numbers to go with it.
    """

    ok: bool
    says: str = ""
    figures: Mapping[str, int | float] | None = None

    def plain(self) -> dict[str, object]:
        """For JSON."""
        said: dict[str, object] = {"ok": self.ok}
        if self.says:
            said["says"] = self.says
        return said | dict(self.figures or {})


Look = Callable[[], Awaitable[Finding]]


@dataclass(frozen=True, slots=True)
class Health:
    """Both questions. `looks` are the parts by name; `tick_age` is the engine's."""

    tick_age: Callable[[], float]
    looks: Mapping[str, Look]

    def alive(self) -> tuple[bool, dict[str, object]]:
        """False when the engine did not complete a tick for too long."""
        age = self.tick_age()
        alive = age <= TICKS_WITHIN
        return alive, {"alive": alive, "last_tick_seconds": round(age, 1)}

    async def ready(self) -> tuple[bool, dict[str, object]]:
        """False when one of the parts is not in order."""
        found = {name: await look() for name, look in self.looks.items()}
        ready = all(finding.ok for finding in found.values())
        checks = {name: finding.plain() for name, finding in found.items()}
        return ready, {"ready": ready, "checks": checks}
