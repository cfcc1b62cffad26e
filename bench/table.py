"""What a benchmark hands back: figures beside their bars, and what they are compared with."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

Row = tuple[str, ...]


@dataclass
class Table:
    """One figure. Rows are texts in the order of `header`; `note` says what it means.

    `bars` holds what is to be reached: what, seen, bar, and `yes` or `NO`.
    """

    title: str
    header: Row
    note: str = ""
    rows: list[Row] = field(default_factory=list)
    bars: list[Row] = field(default_factory=list)

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        """From what `dataclasses.asdict` made, by way of JSON."""
        rows, bars = (list(map(tuple, kept[name])) for name in ("rows", "bars"))
        return cls(kept["title"], tuple(kept["header"]), kept["note"], rows, bars)

    def add(self, *cells: object) -> None:
        self.rows.append(tuple(map(text, cells)))

    def bar(self, what: str, seen: object, bar: object, *, fine: bool) -> str:
        """Something to be reached; the word for whether it was."""
        reached = "yes" if fine else "NO"
        self.bars.append((what, text(seen), text(bar), reached))
        return reached

    def show(self) -> None:
        """On a terminal; the same as Markdown where nobody looks."""
        if not sys.stdout.isatty():
            print(self.markdown(), flush=True)
            return
        from rich.console import Console  # noqa: PLC0415 - not in a process whose memory is measured
        from rich.table import Table as RichTable  # noqa: PLC0415 - as above

        table = RichTable(*self.header, title=self.title, title_justify="left")
        for row in self.rows:
            table.add_row(*row)
        Console().print(table, self.note or "")

    def markdown(self) -> str:
        lines = [f"### {self.title}", "", _line(self.header), "|" + "---|" * len(self.header)]
        lines += map(_line, self.rows)
        if self.note:
            lines += ["", self.note]
        return "\n".join([*lines, ""])


def summary(tables: Iterable[Table]) -> Table:
    """Every bar of all tables, reached or missed."""
    bars = [bar for table in tables for bar in table.bars]
    missed = sum(reached != "yes" for *_, reached in bars)
    said = "all reached" if not missed else f"{missed} missed"
    return Table(f"{len(bars)} bars, {said}", ("figure", "seen", "bar", "reached"), rows=bars)


def say(what: str) -> None:
    """A step of a benchmark, for whoever waits for it."""
    print(f"    {what}", file=sys.stderr, flush=True)


def text(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def _line(cells: Row) -> str:
    return f"| {' | '.join(cells)} |"
