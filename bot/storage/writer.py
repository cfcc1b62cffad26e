"""One thread that writes to SQLite, and shares a COMMIT among what waits.

Rules:

- One function is one transaction; it either counts whole or not at all.
- What is queued when the thread comes round shares one BEGIN IMMEDIATE and one COMMIT, a SAVEPOINT
  each: a function that raises takes back only its own work, and its caller gets the exception.
- No caller hears of success before the COMMIT is on disk. When it fails and nothing was written,
  each function is tried once more by itself; else all of its callers hear.
"""

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Final, Generic, TypeVar

from sqlalchemy import Connection, Engine, RootTransaction
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from bot.storage.errors import AwayError, OutcomeUnknownError, StorageError, UnusableError

T = TypeVar("T")

_NOT_BEGUN: Final = "SQLite would not begin a transaction; nothing was written."
_NOT_COMMITTED: Final = "SQLite refused to commit; nothing was written."

BATCH: Final = 200
"""Functions that share a COMMIT at most: more would only make the first ones wait."""


@dataclass(slots=True)
class _Job(Generic[T]):
    """A function and where its result goes. `settle` is called once, after the COMMIT."""

    fn: Callable[[Connection], T]
    future: Future[T] = field(default_factory=Future)
    result: T | None = None
    error: BaseException | None = None

    def run(self, conn: Connection) -> None:
        try:
            self.result = self.fn(conn)
        except BaseException as error:  # noqa: BLE001 - it is the caller's, and goes there whole
            self.error = error

    def settle(self, failure: StorageError | None = None) -> None:
        error = self.error or failure
        if isinstance(error, DBAPIError):
            error = translated(error)
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(self.result)  # type: ignore[arg-type]  # None is T's own here


class Writer:
    """The writing thread. Its engine must emit BEGIN IMMEDIATE and have one connection."""

    def __init__(self, engine: Engine) -> None:
        """Starts the thread; the connection is made with the first function."""
        self._engine = engine
        self._queue: SimpleQueue[_Job[object] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="curfew-writer", daemon=True)
        self._thread.start()

    def submit(self, fn: Callable[[Connection], T]) -> Future[T]:
        """Queues a function. Cancelling the future before its turn leaves it out."""
        job: _Job[T] = _Job(fn)
        with self._lock:
            if self._closed:
                raise UnusableError("The database is closed.")
            self._queue.put(job)  # type: ignore[arg-type]  # a queue of jobs of any result
        return job.future

    def close(self) -> None:
        """Finishes what is queued, then ends the thread. May be repeated."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            batch, last = self._more(job)
            batch = [job for job in batch if job.future.set_running_or_notify_cancel()]
            if batch:
                self._commit(batch)
            if last:
                return

    def _more(self, first: _Job[object]) -> tuple[list[_Job[object]], bool]:
        """What else is queued, up to a batch; true when the end of all work was among it."""
        batch = [first]
        while len(batch) < BATCH:
            try:
                job = self._queue.get_nowait()
            except Empty:
                break
            if job is None:
                return batch, True
            batch.append(job)
        return batch, False

    def _commit(self, batch: list[_Job[object]]) -> None:
        failure: StorageError | None = None
        try:
            with self._engine.connect() as conn:
                failure = _transact(conn, batch)
            if isinstance(failure, AwayError) and len(batch) > 1:
                # One of them spoilt it for all, and nothing was written: each for itself then.
                for job in batch:
                    job.result = job.error = None
                    self._commit([job])
                return
        except DBAPIError as error:  # no connection, or no BEGIN: nothing ran
            told = translated(error)
            failure = told if isinstance(told, StorageError) else AwayError(_NOT_BEGUN)
        except Exception as error:  # noqa: BLE001 - the thread must live, the callers must hear
            failure = OutcomeUnknownError(f"The database driver failed: {type(error).__name__}.")
        for job in batch:
            job.settle(failure)


def _transact(conn: Connection, batch: list[_Job[object]]) -> StorageError | None:
    """Runs a batch; None when all that did not raise is on disk."""
    transaction = conn.begin()
    alone = len(batch) == 1
    for job in batch:
        if alone:
            job.run(conn)
        elif (lost := _run_in_savepoint(conn, job)) is not None:
            _abandon(conn, transaction)
            return lost
    if alone and batch[0].error is not None:
        _abandon(conn, transaction)
        return None
    try:
        transaction.commit()
    except DBAPIError as error:
        return _after_failed_commit(conn, transaction, error)
    return None


def _run_in_savepoint(conn: Connection, job: _Job[object]) -> StorageError | None:
    """None when the others' work still stands, whatever became of this one."""
    try:
        _tell(conn, "SAVEPOINT one")
        job.run(conn)
        if job.error is None:
            _tell(conn, "RELEASE one")
        elif _driver(conn).in_transaction:
            _tell(conn, "ROLLBACK TO one")
            _tell(conn, "RELEASE one")
    except DBAPIError as error:
        job.error = job.error or error
    # A full disk or a read error makes SQLite take back the whole transaction by itself.
    if _driver(conn).in_transaction:
        return None
    return AwayError("The database gave up a transaction; nothing of it was written.")


def _tell(conn: Connection, statement: str) -> None:
    """Past SQLAlchemy, whose own savepoints cost a sixth of all that this thread does."""
    try:
        _driver(conn).execute(statement)
    except sqlite3.Error as error:
        raise OperationalError(statement, None, error) from error


def _after_failed_commit(
    conn: Connection, transaction: RootTransaction, error: DBAPIError
) -> StorageError:
    # Still in the transaction: SQLite refused the COMMIT and can take everything back. If it is
    # not, SQLite took it back in memory, yet what it had put in the log may be found by a restart.
    known = _driver(conn).in_transaction or _code(error) == sqlite3.SQLITE_FULL
    _abandon(conn, transaction)
    if not known:
        return OutcomeUnknownError("The disk failed while the database was committing.")
    told = translated(error)
    return told if isinstance(told, StorageError) else AwayError(_NOT_COMMITTED)


def _abandon(conn: Connection, transaction: RootTransaction) -> None:
    """Takes back whatever there is; a connection that cannot even do that is thrown away."""
    try:
        transaction.rollback()
    except SQLAlchemyError:
        conn.invalidate()


def _driver(conn: Connection) -> sqlite3.Connection:
    driver = conn.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        raise TypeError(f"the writer needs sqlite3, not {type(driver).__name__}")
    return driver


def _code(error: DBAPIError) -> int:
    return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF


_SAYINGS: Final[dict[int, tuple[str, str]]] = {
    sqlite3.SQLITE_BUSY: (
        "Another program keeps the database locked.",
        "See which one with `fuser` on the file, and end it.",
    ),
    sqlite3.SQLITE_FULL: ("The disk is full.", "Make room; nothing was written meanwhile."),
}

_UNUSABLE: Final[dict[int, tuple[str, str]]] = {
    sqlite3.SQLITE_READONLY: (
        "The database file cannot be written.",
        "Give the account that runs Curfew write access to the file and its directory.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "The database file cannot be opened.",
        "Check that the directory exists and may be entered and written.",
    ),
    sqlite3.SQLITE_NOTADB: (
        "The file is not an SQLite database.",
        "Point DATABASE_URL at another file, or restore this one from a backup.",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "The database file is damaged.",
        "Stop the bot and restore the file from a backup.",
    ),
}


def translated(error: DBAPIError) -> StorageError | DBAPIError:
    """SQLite's failures as ours; what is a bug of ours (a constraint, wrong SQL) stays itself."""
    code = _code(error)
    if code in _UNUSABLE:
        message, hint = _UNUSABLE[code]
        return UnusableError(message, hint=hint)
    if code in _SAYINGS:
        message, hint = _SAYINGS[code]
        return AwayError(message, hint=hint)
    if code in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM}:
        return AwayError(f"SQLite failed: {getattr(error.orig, 'sqlite_errorname', 'unknown')}.")
    return error
