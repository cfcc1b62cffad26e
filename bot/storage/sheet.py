"""Many rows handed to one statement, as one JSON text.

Row by row a driver stops for each: SQLite's lets go of the interpreter and waits to get it back
from a busy event loop, PostgreSQL's sends and awaits a message. A statement that reads its rows
from a text stops once, however many there are.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from msgspec.json import encode
from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Integer,
    Subquery,
    Text,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
)

from bot.domain.compact import compact
from bot.storage.types import Seconds, UtcTime, aware, to_microseconds, to_seconds

ROWS: Final = "rows"
"""The parameter of a statement that reads from a sheet, unless the sheet has one of its own."""
NUMBER: Final = "row_number"
"""The column that keeps the order in which the rows were given."""


class Sheet:
    """Columns of which many rows are given at once."""

    def __init__(self, *columns: Column[Any], parameter: str = ROWS) -> None:
        """Rows are sequences of values in the order of `columns`."""
        self._columns = columns
        self._parameter = parameter
        self.names = tuple(each.name for each in columns)
        self._sources = {"sqlite": self._from_sqlite(), "postgresql": self._from_postgresql()}
        self._plain = {name: self._plainers(name) for name in self._sources}

    def of(self, conn: Connection) -> Subquery:
        """The rows as a table with the columns' names, and `NUMBER`."""
        return self._sources[conn.dialect.name]

    def text(self, conn: Connection, rows: Iterable[Sequence[object]]) -> str:
        """The rows, one at least, as the statement's parameter."""
        dialect = conn.dialect.name
        columns = [list(each) for each in zip(*rows, strict=True)]
        for place, plain in self._plain[dialect]:
            columns[place] = [None if each is None else plain(each) for each in columns[place]]
        lines = zip(*columns, range(len(columns[0])), strict=True)
        if dialect == "sqlite":
            return encode(list(lines)).decode()
        names = (*self.names, NUMBER)
        return encode([dict(zip(names, line, strict=True)) for line in lines]).decode()

    def _from_sqlite(self) -> Subquery:
        line = func.json_each(bindparam(self._parameter, type_=Text)).table_valued("value").c.value
        cells = [
            func.json_extract(line, literal_column(f"'$[{place}]'")).label(name)
            for place, name in enumerate((*self.names, NUMBER))
        ]
        return select(*cells).subquery("given")

    def _from_postgresql(self) -> Subquery:
        # A JSON column comes as a text within the text: so it is kept to the letter.
        cells: list[ColumnElement[Any]] = [
            column(each.name, Text if isinstance(each.type, JSON) else each.type)
            for each in self._columns
        ]
        lines = (
            func.json_to_recordset(cast(bindparam(self._parameter, type_=Text), JSON))
            .table_valued(*cells, column(NUMBER, Integer))
            .render_derived(with_types=True)
        )
        typed = [
            cast(lines.c[each.name], JSON).label(each.name)
            if isinstance(each.type, JSON)
            else lines.c[each.name]
            for each in self._columns
        ]
        return select(*typed, lines.c[NUMBER]).subquery("given")

    def _plainers(self, dialect: str) -> list[tuple[int, Callable[[Any], object]]]:
        """By place: what makes a value fit for JSON, where it is not already."""
        at = _to_microseconds if dialect == "sqlite" else _to_text
        makers = ((UtcTime, at), (Seconds, to_seconds), (JSON, compact))
        return [
            (place, maker)
            for place, each in enumerate(self._columns)
            for kind, maker in makers
            if isinstance(each.type, kind)
        ]


_to_microseconds: Final = lru_cache(maxsize=64)(to_microseconds)
"""The rows of one batch have few times."""


@lru_cache(maxsize=64)
def _to_text(value: datetime) -> str:
    return aware(value).isoformat()
