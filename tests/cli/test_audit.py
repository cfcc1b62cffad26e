"""`curfew audit` and `curfew db`: the proof, the export, the key, upgrades and copies."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

from sandbox import SandboxServer
from sandbox.seed import DANA
from tests.cli.ground import ROOT, Ground


async def lived(office: Ground, sandbox: SandboxServer) -> None:
    """A bot that ran, with a few lines in its log."""
    async with office.bot() as process:
        await sandbox.connected()
        await sandbox.person(DANA).command("/access prod-db 5m look at the stuck orders")
        process.terminate()
        await process.wait()


def tamper(office: Ground, statement: str) -> None:
    """As somebody who owns the database could."""
    with sqlite3.connect(office.directory / "curfew.db") as conn:
        for (name,) in conn.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            conn.execute(f"DROP TRIGGER {name}")
        conn.execute(statement)
    conn.close()


async def test_whole(office: Ground, sandbox: SandboxServer) -> None:
    """A log that nobody touched is proven; exit code 0."""
    await lived(office, sandbox)
    said = await office.curfew("audit", "verify")
    assert said.code == 0, said
    assert "The log is whole" in said.out
    assert "signed by key" in said.out


async def test_changed_line(office: Ground, sandbox: SandboxServer) -> None:
    """A line that was changed is named; exit code 1."""
    await lived(office, sandbox)
    tamper(office, "UPDATE events SET body = replace(body, 'U0DANA', 'U0EVIL') WHERE seq = 3")
    said = await office.curfew("audit", "verify")
    assert said.code == 1
    assert "line 3" in said.err


async def test_removed_line(office: Ground, sandbox: SandboxServer) -> None:
    """A line that was taken out is named; exit code 1."""
    await lived(office, sandbox)
    tamper(office, "DELETE FROM events WHERE seq = 2")
    said = await office.curfew("audit", "verify")
    assert said.code == 1
    assert "line 2 is missing" in said.err


async def test_export_is_proven_alone(office: Ground, sandbox: SandboxServer) -> None:
    """What is exported is proven by the stand-alone verifier with the public key alone."""
    await lived(office, sandbox)
    exported = await office.curfew("audit", "export", "--format", "jsonl")
    assert exported.code == 0
    kinds = [
        json.loads(line)["event"]["kind"]
        for line in exported.out.splitlines()
        if json.loads(line)["type"] == "event"
    ]
    assert kinds[:3] == ["policy.loaded", "bot.started", "grant.requested"]
    assert "bot.stopped" in kinds
    log = office.directory / "log.jsonl"
    log.write_text(exported.out)
    key = await office.curfew("audit", "key")
    assert key.out.startswith("-----BEGIN PUBLIC KEY-----")
    public = office.directory / "audit.pub"
    public.write_text(key.out)
    assert prove(log, public) == 0
    log.write_text(exported.out.replace("U0DANA", "U0EVIL"))
    assert prove(log, public) == 1


def prove(log: Path, key: Path) -> int:
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, ROOT / "curfew_verify.py", log, "--key", key],
        capture_output=True,
        check=False,
    )
    return done.returncode


async def test_since(office: Ground, sandbox: SandboxServer) -> None:
    """--since takes lengths and dates, and says what it takes when it is neither."""
    await lived(office, sandbox)
    recent = await office.curfew("audit", "export", "--since", "1h")
    whole = await office.curfew("audit", "export", "--since", "2020-01-01")
    assert recent.out == whole.out
    later = await office.curfew("audit", "export", "--since", "2100-01-01T00:00:00Z")
    assert [json.loads(line)["type"] for line in later.out.splitlines()] == ["export"]
    wrong = await office.curfew("audit", "export", "--since", "yesterday")
    assert wrong.code == 2
    assert "30d" in wrong.err


async def test_no_key_yet(ground: Ground) -> None:
    """Asking for the key makes none."""
    said = await ground.curfew("audit", "key")
    assert said.code == 2
    assert "There is no audit key" in said.err
    assert not (ground.directory / "audit.key").exists()


async def test_wrong_checkpoint_file(ground: Ground) -> None:
    """A file that is no checkpoint is told as such."""
    await ground.curfew("db", "upgrade")
    said = await ground.curfew("audit", "verify", "--checkpoint", "policy.yml")
    assert said.code == 2
    assert "holds no checkpoint" in said.err


async def test_upgrade_and_backup(ground: Ground) -> None:
    """Tables are made once; a copy is a database, and is never written over another file."""
    assert "are up to date now" in (await ground.curfew("db", "upgrade")).out
    assert "were up to date" in (await ground.curfew("db", "upgrade")).out
    copied = await ground.curfew("db", "backup", "copy.db")
    assert copied.code == 0
    assert "copy.db" in copied.out
    listed = await ground.curfew("grants", DATABASE_URL="sqlite:///copy.db")
    assert (listed.code, listed.out) == (0, "")
    assert "There are no such grants. `curfew grants --all`" in listed.err
    over = await ground.curfew("grants", "--all", DATABASE_URL="sqlite:///copy.db")
    assert over.err == "There are no such grants.\n"
    nowhere = await ground.curfew("db", "backup", "nowhere/copy.db")
    assert nowhere.code == 2
    assert "could not be written: No such file or directory." in nowhere.err
    again = await ground.curfew("db", "backup", "copy.db")
    assert again.code == 2
    assert "There is a file already" in again.err


async def test_backup_of_postgresql(ground: Ground) -> None:
    """For PostgreSQL the line for pg_dump is given, without the password."""
    url = "postgresql://curfew:s3cret@db.example.com/curfew"
    said = await ground.curfew("db", "backup", "copy.dump", DATABASE_URL=url)
    assert said.code == 2
    assert "pg_dump" in said.err
    assert "s3cret" not in said.err


async def test_no_database(ground: Ground) -> None:
    """Commands that read say that there is nothing to read, and how to get it."""
    for words in (["grants"], ["audit", "verify"], ["audit", "export"], ["db", "backup", "x"]):
        said = await ground.curfew(*words)
        assert said.code == 2
        assert "There is no database" in said.err
        assert "Traceback" not in said.err
