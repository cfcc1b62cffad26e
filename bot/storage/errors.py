"""What can go wrong with the database, by what the caller does next.

- `UnusableError`: an operator must act; show the sentence and the hint, exit 2.
- `AwayError`: nothing was written; try again later.
- `OutcomeUnknownError`: it may have been written; look it up by id before doing it again.
- `ConflictError`: somebody else was quicker; read again and decide anew.
- `DuplicateError`: a rule of the schema says that there is one already; tell the person.

No message holds a password: what drivers say is never passed on whole.
"""

from collections.abc import Sequence

from bot.domain.errors import CurfewError


class StorageError(CurfewError):
    """The root of the storage's errors. `hint` is the way out, and may be empty."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        """`message` is one sentence that ends with a full stop."""
        super().__init__(message)
        self.message = message
        self.hint = hint


class UnusableError(StorageError):
    """The database cannot be used as it is: a human must act."""


class OccupiedError(UnusableError):
    """Another bot runs on this SQLite file."""


class SchemaError(UnusableError):
    """The tables are older or newer than this program, or not there."""


class AwayError(StorageError):
    """The database did not do it, and nothing was written. Time may heal it."""


class OutcomeUnknownError(StorageError):
    """The connection went while the commit was under way: it may or may not have been written."""


class ConflictError(StorageError):
    """Rows were no longer what the caller had read. Nothing was written."""

    def __init__(self, ids: Sequence[str]) -> None:
        """`ids` are the grants whose row was not at the version before the new one."""
        super().__init__(f"changed by somebody else meanwhile: {', '.join(ids)}.")
        self.ids = tuple(ids)


class DuplicateError(StorageError):
    """A unique index refused the row. Nothing was written.

    `rule` is `pair` (one live grant per requester and resource), `fact` (one per provider-side
    fact) or `id`.
    """

    def __init__(self, rule: str) -> None:
        """`rule` names which uniqueness would have been broken."""
        super().__init__(f"there is one already (rule: {rule}).")
        self.rule = rule
