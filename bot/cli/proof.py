"""Proving and exporting the audit log."""

import gc
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from sqlalchemy import Connection

from bot.cli.edge import AnswerIsNoError, WrongUsageError
from bot.cli.ground import with_database
from bot.config.key_ring import KeyRing, ring_at
from bot.config.settings import Settings, read_settings
from bot.domain import durations
from bot.domain.chain import SHORT_HASH
from bot.domain.checkpoint import Statement, parse_statement
from bot.domain.errors import RefusalError
from bot.domain.record import EventKind
from bot.domain.rotation import parse_rotation
from bot.engine.exporting import export_lines
from bot.engine.proving import Witness, check_checkpoints
from bot.engine.verifying import Proof, prove
from bot.storage import store
from bot.storage.database import Database

ALL: Final = 1_000_000
PAGE: Final = 1_000
SIZE_LIMIT: Final = 65_536


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A checkpoint from a file: what was signed, and the signature."""

    path: Path
    statement: Statement
    signature: str


def verify_log(checkpoint: Path | None, *, against_slack: bool) -> None:
    """Raises `AnswerIsNoError` with the first fault."""
    settings = read_settings()
    ring = _ring(settings)
    beside = Witness.beside(settings.audit_key).path
    path = checkpoint or (beside if beside.exists() else None)
    witness = _witness(path) if path is not None else None

    async def work(database: Database) -> None:
        with _progress("reading the log ...") as say:
            proof = await prove(database, progress=say)
        if proof.fault is not None:
            raise AnswerIsNoError(f"The log is not whole: {proof.fault.what}.")
        signed = await database.read(partial(_checkpoints, ring=ring))
        if witness is not None:
            await database.read(partial(_compare, witness=witness, ring=ring))
        print_proof(proof, signed, ring, witness)
        if against_slack:
            from bot.cli.against_slack import compare_with_slack

            with _progress("reading the audit channel ...") as say:
                seen = await compare_with_slack(database, settings, progress=say)
            sys.stdout.write(f"It holds what the audit channel saw: {seen.told()}\n")

    # A walk makes no cycles, and looking for them in its pages costs a tenth of the time.
    gc.disable()
    with_database(work, settings)


def print_proof(proof: Proof, signed: int, ring: KeyRing | None, witness: Witnessed | None) -> None:
    """What was proven, and what could not be looked at."""
    sys.stdout.write(f"The log is whole: {proof.lines} lines, head {proof.head[:SHORT_HASH]}.\n")
    if ring is not None:
        names = ", ".join(ring.keys)
        noun = "key" if len(ring.keys) == 1 else "keys"
        sys.stdout.write(f"{signed} checkpoints are signed by {noun} {names}.\n")
    else:
        sys.stderr.write("There is no audit key here: signatures were not checked.\n")
    if witness is not None:
        size = witness.statement.size
        sys.stdout.write(f"It holds what {witness.path} saw: {size} lines.\n")


def export_log(since: str | None) -> None:
    """To standard output."""
    start = _moment(since) if since is not None else None

    async def work(database: Database) -> None:
        async for line in export_lines(database, since=start):
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    with_database(work)


def _ring(settings: Settings) -> KeyRing | None:
    """Looking at a log makes no key."""
    return ring_at(settings.audit_key) if settings.audit_key.exists() else None


def _checkpoints(conn: Connection, ring: KeyRing | None) -> int:
    """How many there are; `AnswerIsNoError` for the first that is not right."""
    kept = store.list_checkpoints(conn, limit=ALL)[::-1]
    hashes: dict[int, str] = {}
    for start in range(0, len(kept), PAGE):
        hashes |= store.hashes_at(conn, [one.size for one in kept[start : start + PAGE]])
    if ring is not None:
        _follow(conn, ring)

    def signed_by(key_id: str, text: str, signature: str) -> bool:
        if ring is None:
            return True
        size = parse_statement(text).size
        return ring.may_sign(key_id, size) and ring.has_signed(key_id, text, signature)

    fault = check_checkpoints(kept, hashes.get, signed_by)
    if fault is None:
        _require_told(conn, {(one.size, one.head, one.key_id) for one in kept})
        return len(kept)
    hints = ("Public halves of former keys belong into the file that ends in .former.",)
    raise AnswerIsNoError(
        f"The log is not what was signed: {fault}.", hints=hints if "not signed by" in fault else ()
    )


def _require_told(conn: Connection, kept: set[tuple[int, str, str]]) -> None:
    """No checkpoint is missing of which a line tells."""
    before = None
    while page := store.search_events(
        conn, kinds=(EventKind.CHECKPOINT_SIGNED,), before_seq=before, limit=PAGE
    ):
        for line in page:
            said = json.loads(line.body)["data"]
            if (said["size"], said["head"], said["key"]) not in kept:
                raise AnswerIsNoError(
                    f"Line {line.seq} tells of checkpoint {said['size']}, which is not there."
                )
        before = page[-1].seq


def _follow(conn: Connection, ring: KeyRing) -> None:
    """From key to key, as the log tells it."""
    told = store.search_events(conn, kinds=(EventKind.KEY_ROTATED,), limit=ALL)
    for line in reversed(told):
        if not ring.follow(parse_rotation(line.seq, line.body)):
            raise AnswerIsNoError(f"Line {line.seq} tells of a new key that the old did not sign.")


def _compare(conn: Connection, witness: Witnessed, ring: KeyRing | None) -> None:
    said = witness.statement
    if ring is not None and said.key_id in ring.keys:
        if not ring.has_signed(said.key_id, said.text(), witness.signature):
            raise AnswerIsNoError(f"{witness.path} is not signed by key {said.key_id}.")
    elif ring is not None:
        sys.stderr.write(f"{witness.path} is signed by another key, {said.key_id}.\n")
    line = store.get_event(conn, said.size)
    if line is None:
        size = store.head(conn).seq
        raise AnswerIsNoError(
            f"The log was cut: it has {size} lines, and {witness.path} saw {said.size}.",
            hints=("Was an older backup restored?",),
        )
    if line.hash != said.head:
        raise AnswerIsNoError(f"Line {said.size} is not the one that {witness.path} saw.")


def _witness(path: Path) -> Witnessed:
    try:
        with path.open("rb") as file:
            said = json.loads(file.read(SIZE_LIMIT))
        return Witnessed(path, parse_statement(said["statement"]), str(said["signature"]))
    except OSError as error:
        raise WrongUsageError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError):
        raise WrongUsageError(
            f"{path} holds no checkpoint.",
            hints=("It is a file such as audit.key.checkpoint, written beside the key.",),
        ) from None


def _moment(text: str) -> datetime:
    """A date or time (UTC unless it says), or so long ago."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return datetime.now(UTC) - _length(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _length(text: str) -> timedelta:
    try:
        return durations.parse(text)
    except RefusalError as error:
        raise WrongUsageError(
            error.message, hints=("--since takes 30d, 12h, or a date such as 2026-01-31.",)
        ) from None


class Progressing:
    """Called with the number of lines that were read."""

    def __init__(self, shown: Progress, task: TaskID) -> None:
        """`task` is rich's id of it."""
        self._shown = shown
        self._task = task

    def __call__(self, lines: int) -> None:
        self._shown.update(self._task, description=f"{lines} lines")


@contextmanager
def _progress(what: str) -> Iterator[Progressing]:
    """Shown on a terminal only; what it gives takes the number of lines so far."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    on_terminal = Console(stderr=True)
    quiet = not on_terminal.is_terminal
    with Progress(*columns, console=on_terminal, transient=True, disable=quiet) as shown:
        task = shown.add_task(what)
        yield Progressing(shown, task)
