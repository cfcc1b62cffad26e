"""Reading the whole log and telling the first line at which it is not what was written.

Pages of a few thousand lines, each a transaction of its own: no long snapshot, flat memory.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlalchemy import Connection

from bot.domain.chain import Fault, Verifier
from bot.storage import store
from bot.storage.database import Database

PAGE: Final = 5_000


@dataclass(frozen=True, slots=True)
class Proof:
    """What a walk through the log found. `head` is the hash of its last line."""

    lines: int
    head: str
    fault: Fault | None = None


async def prove(database: Database, *, progress: Callable[[int], None] | None = None) -> Proof:
    """Walk the log from its first line to its last. `progress` hears the number of lines so far."""
    verifier = Verifier()
    while True:
        fault, count = await database.read(partial(_check_page, verifier=verifier))
        if fault is not None:
            return Proof(verifier.seq, verifier.head, fault)
        if progress is not None:
            progress(verifier.seq)
        if count < PAGE:
            break
    head = await database.read(store.head)
    if head.seq < verifier.seq or (head.seq == verifier.seq and head.hash != verifier.head):
        what = f"the log ends with line {verifier.seq} and its head says {head.seq}"
        return Proof(verifier.seq, verifier.head, Fault(verifier.seq, what))
    return Proof(verifier.seq, verifier.head)


def _check_page(conn: Connection, *, verifier: Verifier) -> tuple[Fault | None, int]:
    page = store.chain_page(conn, verifier.seq, PAGE)
    for seq, body, digest, texts in page:
        fault = verifier.check(seq, body, digest, texts)
        if fault is not None:
            return fault, len(page)
    return None, len(page)
