"""A secret of a KV store that one person has at a time, and that is changed when it comes back.

Who has it stands in the secret's own metadata: `curfew` is the grant's id, `curfew_shown` the
version that was shown. What was shown to nobody need not be changed.
"""

from dataclasses import dataclass
from typing import Any

from adapters import _http as http
from adapters._http import Http
from adapters._vault_api import Vault
from adapters._vault_policy import Rotation
from adapters.base import Order, PendingError, RefusedError, UnreachableError

HOLDER, SHOWN = "curfew", "curfew_shown"

LOOK_AGAIN = 5.0
"""Seconds until a rotation that is under way is looked at again."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a secret is."""

    mount: str
    path: str

    @property
    def metadata(self) -> str:
        return f"{self.mount}/metadata/{self.path}"

    @property
    def data(self) -> str:
        return f"{self.mount}/data/{self.path}"

    def __str__(self) -> str:
        return f"{self.mount}/{self.path}"


@dataclass(frozen=True, slots=True)
class State:
    """What the metadata says."""

    version: int
    holder: str | None
    shown: int | None


class Secrets:
    """Secrets that are lent."""

    def __init__(self, vault: Vault, rotation: Rotation | None) -> None:
        self._vault = vault
        self._rotation = rotation
        self._hook = Http(rotation.url, size=4) if rotation else None

    async def aclose(self) -> None:
        if self._hook is not None:
            await self._hook.aclose()

    async def state(self, place: Place) -> State | None:
        """None where there is no such secret."""
        found = await self._vault.read(place.metadata)
        if found is None:
            return None
        data = found.data or {}
        noted = data.get("custom_metadata") or {}
        shown = noted.get(SHOWN)
        version = int(data.get("current_version") or 0)
        return State(version, noted.get(HOLDER) or None, int(shown) if shown else None)

    async def complaint(self, place: Place) -> str | None:
        """Why the secret cannot be lent."""
        if self._rotation is None:
            return f"Nobody would change {place} when it comes back: give the provider a rotation."
        if await self.state(place) is None:
            return f"There is no secret {place}: make it, or name another."
        return None

    async def lend(self, place: Place, order: Order) -> None:
        if complaint := await self.complaint(place):
            raise RefusedError(complaint)
        state = await self.state(place)
        if state is None or state.holder not in (None, order.grant_id):
            raise RefusedError(
                f"{place} is lent already, as curfew-{state.holder if state else ''}."
            )
        if state.holder is None:
            await self._note(place, {HOLDER: order.grant_id, SHOWN: None})

    async def show(self, place: Place, order: Order) -> dict[str, Any]:
        """Its value; one that was shown before is changed first."""
        state = await self.state(place)
        if state is None or state.holder != order.grant_id:
            raise RefusedError("There is no access to log in with: it ended or was never given.")
        await self._changed(place, order, state)
        found = await self._vault.read(place.data)
        if found is None or not found.data:
            raise RefusedError(f"{place} has no value.")
        version = int(found.data["metadata"]["version"])
        await self._note(place, {SHOWN: str(version)})
        return dict(found.data["data"])

    async def take_back(self, place: Place, order: Order) -> None:
        """Nobody has it; who was shown it has something that is worth nothing."""
        state = await self.state(place)
        if state is None or state.holder is None:
            return
        if state.holder != order.grant_id:
            raise RefusedError(
                f"{place} is lent as curfew-{state.holder}, which is not ours to end."
            )
        await self._changed(place, order, state)
        await self._note(place, {HOLDER: None, SHOWN: None})

    async def _changed(self, place: Place, order: Order, state: State) -> None:
        """What was shown is not the value any more."""
        if state.shown is None or state.version > state.shown:
            return
        await self._rotate(place, order)
        now = await self.state(place)
        if now is not None and now.version <= state.shown:
            raise PendingError(
                f"{place} is still version {state.shown}: its rotation was asked for",
                retry_after=LOOK_AGAIN,
            )

    async def _rotate(self, place: Place, order: Order) -> None:
        if self._hook is None or self._rotation is None:
            raise RefusedError(f"Nobody changes {place}: give the provider a rotation.")
        headers = {"Authorization": f"Bearer {self._rotation.token.get_secret_value()}"}
        body = {"mount": place.mount, "path": place.path, "grant": order.grant_id}
        reply = await self._hook.send("POST", "", headers=headers, body=body)
        if reply.status == http.CROWDED:
            wait = reply.number("Retry-After")
            raise UnreachableError("The rotation is asked for too often", retry_after=wait)
        if not reply.is_ok:
            raise RefusedError(f"The rotation of {place} was refused with {reply.status}.")

    async def _note(self, place: Place, noted: dict[str, str | None]) -> None:
        await self._vault.patch(place.metadata, {"custom_metadata": noted})
