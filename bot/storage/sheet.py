"""Many rows handed to one statement, as JSON.

Row by row a driver stops for each: SQLite's lets go of the interpreter and waits to get it back
from a busy event loop, PostgreSQL's sends and awaits a message. A statement that reads its rows
from a text stops once, however many there are. SQLite gets them row by row in one text, PostgreSQL
a text for each column: it takes half the time to read those.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from msgspec.json import encode
from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Integer,
    Subquery,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)

from bot.domain.compact import compact
from bot.storage.types import Seconds, UtcTime, aware, to_microseconds, to_seconds

NUMBER: Final = "row_number"
"""The column that keeps the order in which the rows were given."""


class Sheet:
    """Columns of which many rows are given at once."""

    def __init__(self, *columns: Column[Any], name: str = "rows") -> None:
        """Rows are sequences of values in the order of `columns`.

        `name` begins the parameters' names: each sheet of a statement has another.
        """
        self._columns = columns
        self._name = name
        self.names = tuple(each.name for each in columns)
        self._sources = {"sqlite": self._from_sqlite(), "postgresql": self._from_postgresql()}
        self._plain = {dialect: self._plainers(dialect) for dialect in self._sources}

    def of(self, conn: Connection) -> Subquery:
        """The rows as a table with the columns' names, and `NUMBER`."""
        return self._sources[conn.dialect.name]

    def given(self, conn: Connection, rows: Iterable[Sequence[object]]) -> dict[str, object]:
        """The rows, one at least, as the statement's parameters."""
        dialect = conn.dialect.name
        columns = [list(each) for each in zip(*rows, strict=True)]
        for place, plain in self._plain[dialect]:
            columns[place] = [None if each is None else plain(each) for each in columns[place]]
        columns.append(list(range(len(columns[0]))))
        if dialect == "sqlite":
            return {self._name: encode(list(zip(*columns, strict=True))).decode()}
        return {
            self._parameter(name): encode(cells).decode()
            for name, cells in zip((*self.names, NUMBER), columns, strict=True)
        }

    def _parameter(self, column: str) -> str:
        return f"{self._name}_{column}"

    def _from_sqlite(self) -> Subquery:
        line = func.json_each(bindparam(self._name, type_=Text)).table_valued("value").c.value
        cells = [
            func.json_extract(line, literal_column(f"'$[{place}]'")).label(name)
            for place, name in enumerate((*self.names, NUMBER))
        ]
        return select(*cells).subquery("given")

    def _from_postgresql(self) -> Subquery:
        # Functions that give many rows go through them side by side. A JSON column comes as a text
        # within the text: so it is kept to the letter.
        columns = (*self._columns, Column(NUMBER, Integer))
        texts = select(
            *(
                func.json_array_elements_text(
                    cast(bindparam(self._parameter(each.name), type_=Text), JSON)
                ).label(each.name)
                for each in columns
            )
        ).subquery("texts")
        typed = (cast(texts.c[each.name], each.type).label(each.name) for each in columns)
        return select(*typed).subquery("given")

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
