"""A new signing key comes into force with a line of the log; the old one signs nothing after it."""

from dataclasses import replace
from functools import partial

from bot.domain.record import Event, EventKind
from bot.domain.rotation import Rotation
from bot.engine.ledger import Ledger, Pen
from bot.engine.proving import RETIRED, Signer
from bot.storage import store


class Rotating:
    """Acts of a named local operator."""

    def __init__(self, ledger: Ledger) -> None:
        """Writes through the ledger like everybody else."""
        self._ledger = ledger

    async def successor(self, key_id: str) -> str | None:
        """The id of the key that took this one's place, as far as the database knows."""
        return await self._ledger.read(partial(store.get_setting, name=RETIRED + key_id))

    async def rotate(self, old: Signer, new: Rotation, *, operator: str) -> None:
        """Write it down, signed by the old key. Twice is the same as once."""
        signed = replace(new, signature=old.sign(new.text()))
        await self._ledger.write(partial(_retire, rotation=signed, actor=f"cli:{operator}"))


def _retire(pen: Pen, *, rotation: Rotation, actor: str) -> None:
    if store.get_setting(pen.conn, RETIRED + rotation.old) is not None:
        return
    store.set_setting(pen.conn, RETIRED + rotation.old, rotation.new)
    pen.note(Event(EventKind.KEY_ROTATED, pen.now, actor, data=dict(rotation.data)))
