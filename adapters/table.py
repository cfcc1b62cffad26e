"""The table of capabilities in the docs, written from the code.

`python -m adapters.table docs/adapters/README.md` brings that file up to date.
"""

import sys
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from adapters.base import Adapter, Caps
from adapters.registry import available, load

BEGIN = "<!-- capabilities: written by python -m adapters.table -->"
END = "<!-- end of capabilities -->"

_COLUMNS = {
    "made for each grant": Caps.PER_GRANT,
    "ends by itself": Caps.NATIVE_EXPIRY,
    "ends open sessions": Caps.ENDS_SESSIONS,
    "gives credentials": Caps.ISSUES_CREDENTIALS,
    "finds what it left": Caps.LISTS_OWNED,
    "sees open sessions": Caps.WATCHES_SESSIONS,
}


def table(classes: Iterable[type[Adapter]]) -> str:
    """Markdown, a line for each adapter and for each form of its grant block."""
    head = ["adapter", *_COLUMNS, "a late call may land for"]
    lines = [head, ["---"] * len(head)]
    for each in classes:
        lines.append(_line(f"[{each.kind}]({each.kind}.md)", each.capabilities, each.settle))
        for form, caps in each.forms.items():
            lines.append(_line(f"{each.kind}, `{form}`", caps, each.settle))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def replaced(text: str, written: str) -> str:
    """The text with what stands between the two marks exchanged."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{written}\n{END}{after}"


def _line(name: str, caps: Caps, settle: timedelta) -> list[str]:
    cells = ["yes" if cap in caps else "no" for cap in _COLUMNS.values()]
    return [name, *cells, f"{settle.total_seconds():g} s"]


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(replaced(file.read_text(), table(load(kind) for kind in available())))
