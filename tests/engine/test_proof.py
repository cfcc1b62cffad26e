"""The log can be proven: from the database, from an export alone, and against what was signed."""

import asyncio
import json
import secrets
import subprocess
import sys
from pathlib import Path

from sqlalchemy import Connection, text

from bot.domain.checkpoint import parse_statement
from bot.engine.erasing import Erasing
from bot.engine.exporting import export_lines
from bot.engine.proving import check_checkpoints
from bot.engine.verifying import prove
from bot.storage import store
from bot.storage.database import Database
from tests.engine.office import DANA, MAYA, Office, office


async def lived(here: Office) -> None:
    """Two requests, one denied; two checkpoints with news between them, one try without."""
    first = await here.ask()
    await here.engine.service.deny(MAYA, first.id, reason="not today")
    await here.engine.prove()
    await here.engine.prove()
    await here.ask()
    await here.engine.prove()


def name() -> str:
    return f"pg-{secrets.token_hex(4)}"


async def export(here: Office, path: Path) -> list[str]:
    lines = [line async for line in export_lines(here.database)]
    _write(path, lines, here.key.public_pem)
    return lines


def _write(path: Path, lines: list[str], key: str) -> None:
    path.write_text("".join(f"{line}\n" for line in lines))
    path.with_name("audit.pub").write_text(key)


def verify(path: Path, *more: str) -> tuple[int, str]:
    """The verifier as an auditor runs it: in another process, with the public key alone."""
    key = str(path.with_name("audit.pub"))
    done = subprocess.run(  # noqa: S603 - our own program and files
        [sys.executable, "curfew_verify.py", str(path), "--key", key, *more],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


async def test_checkpoints_are_signed_only_for_news(database: Database) -> None:
    """The line that tells of a checkpoint is no news; each follows from the one before."""
    async with office(database, provider=name()) as here:
        await lived(here)
        kept = await database.read(store.list_checkpoints)
        hashes = {line.seq: line.hash for line in await here.log()}
        fault = check_checkpoints(
            kept[::-1], hashes.get, lambda _key, said, by: here.key.has_signed(said, by)
        )

        assert len(kept) == 2
        assert fault is None
        assert here.engine.witness.read() is not None


async def test_the_database_is_proven_and_a_change_named(sqlite_url: str) -> None:
    """Whoever changes a line past the triggers is found out, at that line."""
    async with await Database.open(sqlite_url) as database:
        async with office(database, provider=name()) as here:
            await lived(here)
            whole = await prove(database)

        assert whole.fault is None
        assert whole.lines == 5

        await database.write(_tamper)
        fault = (await prove(database)).fault

        assert fault is not None
        assert fault.seq == 2


def _tamper(conn: Connection) -> None:
    conn.execute(text("DROP TRIGGER events_no_update"))
    conn.execute(text("UPDATE events SET body = replace(body, 'U0MAYA', 'U0OMAR') WHERE seq = 2"))


async def test_an_export_is_proven_alone(database: Database, tmp_path: Path) -> None:
    """One file and the public key: whole, changed, cut, forged are told apart."""
    path = tmp_path / "log.jsonl"
    async with office(database, provider=name()) as here:
        await lived(here)
        lines = await export(here, path)
        witness = str(here.engine.witness.path)
        code, said = await asyncio.to_thread(verify, path, "--checkpoint", witness)

        assert (code, "Whole: " in said) == (0, True), said

        tampered = [line.replace("not today", "of course") for line in lines]
        path.write_text("\n".join(tampered))
        code, said = await asyncio.to_thread(verify, path)

        assert (code, "is not what was written" in said) == (1, True), said

        path.write_text("\n".join(lines[:1] + lines[2:]))
        code, said = await asyncio.to_thread(verify, path)

        assert (code, "is missing" in said) == (1, True), said

        unsigned = [line for line in lines if not line.startswith('{"type":"checkpoint"')]
        path.write_text("\n".join([*unsigned[:4], lines[-2]]))
        code, said = await asyncio.to_thread(verify, path)

        assert code == 1, said

        path.write_text("\n".join(lines[:4]))
        code, said = await asyncio.to_thread(verify, path, "--checkpoint", witness)

        assert (code, "a cut tail" in said) == (1, True), said


async def test_a_checkpoint_that_was_taken_out_is_missed(
    database: Database, tmp_path: Path
) -> None:
    """The line behind it tells of it, also of the last one; an export from later on needs none."""
    path = tmp_path / "log.jsonl"
    async with office(database, provider=name()) as here:
        await lived(here)
        lines = await export(here, path)
        signed = [at for at, line in enumerate(lines) if line.startswith('{"type":"checkpoint"')]
        for at in signed:
            path.write_text("\n".join(lines[:at] + lines[at + 1 :]))
            code, said = await asyncio.to_thread(verify, path)

            assert (code, "tells of checkpoint" in said) == (1, True), said

        begun = json.loads(lines[signed[0] - 1])
        header = {"type": "export", "version": 1, "after": begun["seq"], "previous": begun["hash"]}
        path.write_text("\n".join([json.dumps(header), *lines[signed[0] + 1 :]]))
        code, said = await asyncio.to_thread(verify, path)

        assert code == 0, said


async def test_a_rewritten_log_has_no_signature(database: Database, tmp_path: Path) -> None:
    """Hashes can be made anew by anybody; the signature cannot."""
    path = tmp_path / "log.jsonl"
    async with office(database, provider=name()) as here:
        await lived(here)
        lines = await export(here, path)
        forged = []
        for line in map(json.loads, lines):
            if line["type"] == "checkpoint":
                at = parse_statement(line["statement"]).at.isoformat()[:10]
                line["statement"] = line["statement"].replace(at, "2020-01-01")
            forged.append(json.dumps(line))
        path.write_text("\n".join(forged))
        code, said = await asyncio.to_thread(verify, path)

        assert (code, "a signature is not by key" in said) == (1, True), said


async def test_erasing_a_person_leaves_the_log_whole(database: Database, tmp_path: Path) -> None:
    """What somebody wrote can be forgotten; the proof still holds, and nothing of it is left."""
    path = tmp_path / "log.jsonl"
    async with office(database, provider=name()) as here:
        grant = await here.ask(DANA)
        await here.engine.service.deny(MAYA, grant.id, reason="a secret of Dana")
        await here.engine.prove()
        await Erasing(here.engine.ledger).erase(DANA, operator="root")
        lines = await export(here, path)
        code, said = await asyncio.to_thread(verify, path)

        assert code == 0, said
        assert "a secret" not in "".join(lines)
        assert "dana@example.com" not in "".join(lines)
