"""Whoever owns the database rewrites what happened; who reads the log finds it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from bot.domain.chain import link
from sandbox.player import text_of
from sandbox.seed import DANA, MAYA, OLGA
from tests.security.canary import Program, program
from tests.security.house import LINE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.demo.shop import Shop


TRICK = "over here \x1b]0;owned\x07\x1b[2J\x9b31m [red]x[/red] \u202egnorw\r\x08\x08"


def without_triggers(conn: sqlite3.Connection) -> None:
    """The schema refuses changes; who owns it takes that out first."""
    for (name,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        conn.execute(f"DROP TRIGGER {name}")


def somebody_else_did_it(conn: sqlite3.Connection) -> None:
    """One line says now that Olga approved."""
    conn.execute(
        "UPDATE events SET body = replace(body, ?, ?) WHERE kind = 'grant.approved'", (MAYA, OLGA)
    )


def all_of_it_again(conn: sqlite3.Connection) -> None:
    """The same, and every hash made anew; no checkpoint is left, nor a line that tells of one."""
    somebody_else_did_it(conn)
    conn.execute("UPDATE events SET actor = ? WHERE kind = 'grant.approved'", (OLGA,))
    head = "0" * 64
    conn.execute(
        "UPDATE events SET kind = 'bot.started', body = replace(body, kind, 'bot.started')"
        " WHERE kind = 'checkpoint.signed'"
    )
    for seq, body in conn.execute("SELECT seq, body FROM events ORDER BY seq").fetchall():
        head = link(head, body)
        conn.execute("UPDATE events SET hash = ? WHERE seq = ?", (head, seq))
    conn.execute("UPDATE chain_head SET hash = ?", (head,))
    conn.execute("DELETE FROM checkpoints")


def the_end_never_was(conn: sqlite3.Connection) -> None:
    """The last lines are cut off, and the head says so."""
    [last] = conn.execute("SELECT seq FROM events WHERE kind = 'grant.requested'").fetchone()
    conn.execute("DELETE FROM events WHERE seq > ?", (last,))
    [head] = conn.execute("SELECT hash FROM events WHERE seq = ?", (last,)).fetchone()
    conn.execute("UPDATE chain_head SET seq = ?, hash = ?", (last, head))
    conn.execute("DELETE FROM checkpoints")


@pytest.mark.parametrize(
    ("attack", "alone"),
    [(somebody_else_did_it, False), (all_of_it_again, True), (the_end_never_was, True)],
)
async def test_24_a_rewritten_log_is_found(
    shop: Shop,
    sqlite_url: str,
    tmp_path: Path,
    attack: Callable[[sqlite3.Connection], None],
    alone: bool,  # noqa: FBT001 - whether the database alone would look whole
) -> None:
    """A changed line by the chain; a whole new chain and a cut end by what Slack was told."""
    async with program(shop, tmp_path, sqlite_url, road="http") as at:
        dana, maya = at.sandbox.person(DANA), at.sandbox.person(MAYA)
        await dana.command(LINE)
        card = await maya.waits_for("Approve shorter", channel="approvals")
        await maya.click("Approve", message=card)
        await dana.waits_for("Get credentials")
        await dana.command("/access revoke prod-db")
        await maya.waits_for("Verified gone", channel="audit", within=20.0)
        await at.end()
        before = await at.command("audit", "verify", "--against-slack")
        with closing(sqlite3.connect(tmp_path / "curfew.db")) as conn:
            without_triggers(conn)
            attack(conn)
            conn.commit()
        (tmp_path / "audit.key.checkpoint").unlink(missing_ok=True)
        bare = await at.command("audit", "verify")
        found = await at.command("audit", "verify", "--against-slack")

    assert "It holds what the audit channel saw" in before
    assert ("The log is whole" in bare) == alone
    assert "It holds what the audit channel saw" not in found
    assert "not" in found


async def test_24_every_line_in_slack_is_a_witness(
    shop: Shop, sqlite_url: str, tmp_path: Path
) -> None:
    """Each line of the audit channel carries number and hash of the event that it tells of."""
    async with program(shop, tmp_path, sqlite_url, road="socket") as at:
        await at.sandbox.person(DANA).command(LINE)
        line = await at.sandbox.person(OLGA).waits_for("equested", channel="audit")
        seq, short = text_of(line).rpartition("#")[2].split()[:2]
        [event] = [row for row in rows(at, tmp_path) if row[0] == int(seq)]

    assert event[1].startswith(short.strip("`"))
    assert json.loads(event[2])["kind"] == "grant.requested"


def rows(at: Program, folder: Path) -> list[tuple[int, str, str]]:
    """The log as it stands on disk, beside the running program."""
    assert at.process.returncode is None
    with closing(sqlite3.connect(folder / "curfew.db")) as conn:
        return conn.execute("SELECT seq, hash, body FROM events").fetchall()


async def test_02_text_cannot_play_with_a_terminal(
    shop: Shop, sqlite_url: str, tmp_path: Path
) -> None:
    """Escape sequences, markup and marks of direction in what people wrote reach no operator."""
    async with program(shop, tmp_path, sqlite_url, road="http") as at:
        dana, maya = at.sandbox.person(DANA), at.sandbox.person(MAYA)
        await dana.command(f"/access prod-db 30m {TRICK}")
        card = await maya.waits_for("Approve shorter", channel="approvals")
        await maya.click("Deny", message=card)
        await maya.waits_for_modal("Why")
        await maya.submit({"reason": TRICK})
        with closing(sqlite3.connect(tmp_path / "curfew.db")) as conn:
            [(grant,)] = conn.execute("SELECT id FROM grants").fetchall()
        said = {
            words: await at.command(*words.split())
            for words in ("grants", f"grants show {grant}", "revoke --all --reason x", "doctor")
        }

    assert "over here" in said[f"grants show {grant}"]
    assert "[red]" in said[f"grants show {grant}"]
    for words, text in said.items():
        for sign in ("\x1b", "\x07", "\x9b", "\r", "\x08", "\u202e"):
            assert sign not in text, words
