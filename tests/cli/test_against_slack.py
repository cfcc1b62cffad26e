"""`curfew audit verify --against-slack`: the audit channel knows what the database forgot."""

import re
import sqlite3
from contextlib import closing

from bot.config.audit_key import load
from bot.domain.chain import link
from bot.engine.ledger import Ledger
from bot.engine.proving import Prover, Witness
from bot.storage.database import Database
from sandbox import Fault, FaultKind, SandboxServer
from sandbox.seed import AUDIT, DANA, MAYA, OLGA
from tests.cli.ground import Ground, Said

SEAL = re.compile(r"#(\d+) [0-9a-f]{12}\s*$")


async def lived(office: Ground, sandbox: SandboxServer) -> int:
    """A bot that ran twice, with a checkpoint between: the last line that the channel has seen."""
    async with office.bot() as process:
        await sandbox.connected()
        await sandbox.person(DANA).command("/access prod-db 5m look at the stuck orders")
        process.terminate()
        await process.wait()
    key = load(office.directory / "audit.key")
    async with await Database.open(f"sqlite:///{office.directory}/curfew.db") as database:
        await Prover(Ledger(database), key, Witness.beside(key.path)).run()
    async with office.bot() as process:
        await sandbox.person(OLGA).waits_for("Checkpoint", channel=AUDIT, within=15)
        process.terminate()
        await process.wait()
    return max(seals(sandbox))


def seals(sandbox: SandboxServer) -> list[int]:
    """The numbers of the lines in the channel."""
    texts = [str(one["text"]) for one in sandbox.person(OLGA).sees(AUDIT)]
    return [int(found[1]) for text in texts if (found := SEAL.search(text))]


async def compare(office: Ground) -> Said:
    return await office.curfew("audit", "verify", "--against-slack")


def owner(office: Ground, *statements: str) -> None:
    """Everything that the database's owner can do, and the file beside the key is gone."""
    (office.directory / "audit.key.checkpoint").unlink(missing_ok=True)
    with closing(sqlite3.connect(office.directory / "curfew.db")) as conn, conn:
        for (name,) in conn.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            conn.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            conn.execute(statement)


def cut(office: Ground, last: int) -> None:
    """A log that ends with this line, and looks as if it always had."""
    owner(
        office,
        f"DELETE FROM events WHERE seq > {last}",
        f"DELETE FROM checkpoints WHERE size > {last - 1}",
        f"UPDATE chain_head SET seq = {last}, hash = (SELECT hash FROM events WHERE seq = {last})",
    )


def rewrite(office: Ground, seq: int) -> None:
    """A log that tells of another person from this line on, with every hash made anew.

    It has no checkpoint, and no line that tells of one.
    """
    owner(
        office,
        "DELETE FROM checkpoints",
        "UPDATE events SET kind = 'bot.started', body = replace(body, kind, 'bot.started')"
        " WHERE kind = 'checkpoint.signed'",
    )
    with closing(sqlite3.connect(office.directory / "curfew.db")) as conn, conn:
        (head,) = conn.execute("SELECT hash FROM events WHERE seq = ?", (seq - 1,)).fetchone()
        later = conn.execute("SELECT seq, body FROM events WHERE seq >= ? ORDER BY seq", (seq,))
        for number, body in later.fetchall():
            told = body.replace("U0DANA", "U0EVIL")
            head = link(head, told)
            conn.execute(
                "UPDATE events SET body = ?, hash = ?, actor = replace(actor, 'U0DANA', 'U0EVIL')"
                " WHERE seq = ?",
                (told, head, number),
            )
        conn.execute("UPDATE chain_head SET hash = ?", (head,))


async def test_what_the_channel_saw_is_there(office: Ground, sandbox: SandboxServer) -> None:
    """Every line and checkpoint is compared; what others write there counts for nothing."""
    await lived(office, sandbox)
    count = len(seals(sandbox))
    await sandbox.person(MAYA).say("it was #999 0123456789ab", channel=AUDIT)
    await sandbox.person(MAYA).say("*Checkpoint* · #1 0123456789ab", channel=AUDIT)
    said = await compare(office)
    assert said.code == 0, said
    assert f"saw: {count} lines, 1 of them checkpoints." in said.out


async def test_a_cut_tail(office: Ground, sandbox: SandboxServer) -> None:
    """Cut with all that could tell: the database is whole by itself, the channel names the line."""
    last = await lived(office, sandbox)
    cut(office, last - 2)
    alone = await office.curfew("audit", "verify")
    assert (alone.code, "is whole" in alone.out) == (0, True), alone
    said = await compare(office)
    first = min(number for number in seals(sandbox) if number > last - 2)
    assert said.code == 1
    assert f"line {first} stood there" in said.err
    assert f"ends with line {last - 2}" in said.err


async def test_a_checkpoint_that_was_taken_out(office: Ground, sandbox: SandboxServer) -> None:
    """The line that tells of it is in the chain: no witness from outside is needed."""
    await lived(office, sandbox)
    owner(office, "DELETE FROM checkpoints")
    alone = await office.curfew("audit", "verify")
    assert (alone.code, "tells of checkpoint" in alone.err) == (1, True), alone


async def test_a_rewritten_log(office: Ground, sandbox: SandboxServer) -> None:
    """Hashes made anew are whole by themselves; the first line that is another one is named."""
    await lived(office, sandbox)
    rewrite(office, 3)
    alone = await office.curfew("audit", "verify")
    assert (alone.code, "is whole" in alone.out) == (0, True), alone
    said = await compare(office)
    assert said.code == 1
    assert "line 3 was another one" in said.err


async def test_the_whole_hash_of_a_checkpoint(office: Ground, sandbox: SandboxServer) -> None:
    """Twelve characters could be made to fit; the checkpoint's line holds all sixty-four."""
    await lived(office, sandbox)
    (told,) = [one for one in sandbox.workspace.timeline.all(AUDIT) if "*Checkpoint*" in one.text]
    told.text = re.sub(r"[0-9a-f]{64}", "f" * 64, told.text)
    said = await compare(office)
    assert said.code == 1
    assert re.search(r"checkpoint \d+, told in line \d+, was another one", said.err)


async def test_the_scope_is_missing(office: Ground, sandbox: SandboxServer) -> None:
    """Without the right to read the channel it says so, and which right it is."""
    await lived(office, sandbox)
    sandbox.installation.scopes -= {"channels:history", "groups:history"}
    said = await compare(office)
    assert (said.code, "missing_scope" in said.err) == (2, True), said
    assert "channels:history" in said.err
    assert "The log is whole" in said.out


async def test_slack_is_slow_or_away(office: Ground, sandbox: SandboxServer) -> None:
    """It waits as long as Slack asks; what cannot be read is told, and proves nothing."""
    await lived(office, sandbox)
    limited = Fault("conversations.history", FaultKind.RATELIMITED, times=1, retry_after=1)
    sandbox.faults.add(limited)
    assert (await compare(office)).code == 0
    sandbox.faults.add(Fault("conversations.history", FaultKind.STATUS, times=None, status=503))
    said = await compare(office)
    assert (said.code, "http_503" in said.err) == (2, True), said


async def test_no_token(ground: Ground) -> None:
    """Without Slack's token there is nothing to compare with."""
    await ground.curfew("db", "upgrade")
    said = await compare(ground)
    assert (said.code, "SLACK_BOT_TOKEN" in said.err) == (2, True), said
