"""What a benchmark hands back: figures beside their bars, and what they are compared with."""

import sys
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table as RichTable


@dataclass
class Table:
    """One figure. Rows are texts in the order of `header`; `note` says what it means."""

    title: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    note: str = ""

    def add(self, *cells: object) -> None:
        self.rows.append(tuple(_text(cell) for cell in cells))

    def show(self) -> None:
        if sys.stdout.isatty():
            table = RichTable(*self.header, title=self.title, title_justify="left")
            for row in self.rows:
                table.add_row(*row)
            Console().print(table)
        else:
            print(f"### {self.title}\n\n| {' | '.join(self.header)} |")
            print("|" + "---|" * len(self.header))
            for row in self.rows:
                print(f"| {' | '.join(row)} |")
        if self.note:
            print(f"\n{self.note}")
        print(flush=True)


def _text(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def held(fine: bool) -> str:  # noqa: FBT001 - the question is the argument
    """Whether a bar was reached."""
    return "yes" if fine else "NO"
