"""Column types: times, durations and JSON that mean the same on both databases."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Dialect, Integer
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeDecorator, TypeEngine

from bot.domain.proofreading import EPOCH, MICROSECOND

SECOND: Final = timedelta(seconds=1)


class UtcTime(TypeDecorator[datetime]):
    """Aware UTC in and out: timestamptz on PostgreSQL, microseconds since 1970 on SQLite.

    A naive datetime is refused: it would be read as the server's local time.
    """

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime] | TypeEngine[int]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        return dialect.type_descriptor(BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | int | None:
        if value is None:
            return None
        return aware(value) if dialect.name == "postgresql" else to_microseconds(value)

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[Any], datetime | None]:
        """Past SQLAlchemy's wrapping: rows have many times, and claims have many rows."""
        del coltype
        return _to_utc if dialect.name == "postgresql" else _from_microseconds


def aware(value: datetime) -> datetime:
    """The same; ValueError for a naive time."""
    if value.tzinfo is None:
        raise ValueError(f"a time without a zone cannot be stored: {value!r}")
    return value


def to_microseconds(value: datetime) -> int:
    """A time as SQLite keeps it; ValueError for a naive one."""
    return (aware(value) - EPOCH) // MICROSECOND


def _to_utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


def _from_microseconds(value: int | None) -> datetime | None:
    return None if value is None else EPOCH + timedelta(0, 0, value)


class Seconds(TypeDecorator[timedelta]):
    """A duration as whole seconds; a fraction is refused rather than rounded."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, dialect: Dialect) -> int | None:
        del dialect
        return None if value is None else to_seconds(value)

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[Any], timedelta | None]:
        """As that of `UtcTime`."""
        del dialect, coltype
        return _from_seconds


def _from_seconds(value: int | None) -> timedelta | None:
    return None if value is None else timedelta(seconds=value)


def to_seconds(value: timedelta) -> int:
    """Whole seconds of a duration; ValueError when there is a fraction."""
    seconds, rest = divmod(value, SECOND)
    if rest:
        raise ValueError(f"durations are whole seconds, not {value!r}")
    return seconds


Json: Final = JSON(none_as_null=True)
"""PostgreSQL's `json`, not `jsonb`: it keeps the text as it came, `\\u0000` included."""

Number: Final = BigInteger().with_variant(Integer(), "sqlite")
"""Row numbers. SQLite gives them out by itself only to a column of exactly its own type."""
