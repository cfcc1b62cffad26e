"""The suite that every adapter must pass, to be inherited by the adapter's tests.

An author writes a `Ground`, which is the provider seen by other eyes than the adapter's, and a
class:

    class TestMine(Conformance):
        @pytest.fixture
        async def ground(self):
            async with MyGround() as ground:
                yield ground

What is expected follows from the adapter's capabilities, never from its kind. The suite needs
pytest and pytest-asyncio. `docs/adapters/write-an-adapter.md` walks through it.
"""

import pytest

pytest.register_assert_rewrite(
    "adapters.conformance.life",
    "adapters.conformance.cuts",
    "adapters.conformance.others",
    "adapters.conformance.logins",
    "adapters.conformance.weather",
)

from adapters.conformance.cuts import Cuts  # noqa: E402 - after the line that rewrites its asserts
from adapters.conformance.ground import (  # noqa: E402 - as above
    CannotStageError,
    Door,
    Ground,
    Weather,
    fresh_id,
)
from adapters.conformance.life import Life  # noqa: E402 - as above
from adapters.conformance.logins import Logins  # noqa: E402 - as above
from adapters.conformance.others import Others  # noqa: E402 - as above
from adapters.conformance.weather import BadWeather  # noqa: E402 - as above

__all__ = [
    "CannotStageError",
    "Conformance",
    "Door",
    "Ground",
    "Weather",
    "fresh_id",
]


@pytest.mark.asyncio
class Conformance(Life, Cuts, Others, Logins, BadWeather):
    """Every promise of the contract. Inherit it and give it a `ground` fixture."""
