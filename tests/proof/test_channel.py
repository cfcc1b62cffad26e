"""Which messages of the audit channel count as seen lines, and what they are compared with."""

from functools import partial

import pytest
from sqlalchemy import Connection

from bot.cli.against_slack import Comparison, Fault, compared
from bot.domain.record import Event, EventKind
from bot.slack.channel_log import SeenLine, seen_lines
from bot.slack.client import open_client
from bot.storage import store
from bot.storage.database import Database
from sandbox import SandboxServer
from sandbox.records import Message
from sandbox.seed import AUDIT, MAYA
from tests.storage.samples import NOON

HEAD = "a" * 64
SEAL = "· #7 0123456789ab"


def metadata(role: str, kind: str = "curfew_notice") -> dict[str, object]:
    return {"event_type": kind, "event_payload": {"notice_id": 1, "role": role}}


@pytest.mark.parametrize(
    ("user", "text", "said", "counts"),
    [
        (None, f"*Ended* {SEAL}", metadata("audit"), True),
        (None, f"*Checkpoint* · head `{HEAD}` {SEAL}", metadata("audit"), True),
        (MAYA, f"*Ended* {SEAL}", metadata("audit"), False),
        (None, f"a card whose reason ends with {SEAL}", metadata("card"), False),
        (None, f"another program's {SEAL}", metadata("audit", "other_notice"), False),
        (None, f"no metadata {SEAL}", None, False),
        (None, f"{SEAL} is not at the end", metadata("audit"), False),
        (None, "#7 0123456789abc", metadata("audit"), False),
    ],
)
async def test_what_counts(
    user: str | None, text: str, said: dict[str, object] | None, *, counts: bool
) -> None:
    """Only what our own bot posted as a line, with the seal at its end."""
    async with SandboxServer() as sandbox:
        bot = sandbox.installation.bot_user
        channel = sandbox.workspace.channels[AUDIT]
        if bot not in channel.members:
            sandbox.workspace.join(bot, channel)
        timeline = sandbox.workspace.timeline
        timeline.add(Message(timeline.next_ts(), AUDIT, user or bot, text, metadata=said))
        async with open_client(sandbox.bot_token, sandbox.api_url) as client:
            found = [line async for page in seen_lines(client, AUDIT) for line in page]
    assert [(line.seq, line.short) for line in found] == [(7, "0123456789ab")] * counts
    assert all((HEAD in line.hashes) == (HEAD in text) for line in found)


async def logged(database: Database, size: int, head: str | None = None) -> list[str]:
    """A log whose second line tells of a checkpoint; the hashes of its lines."""

    def write(conn: Connection) -> list[str]:
        (first,) = store.append_events(conn, [Event(EventKind.BOT_STARTED, NOON, "bot")])
        data = {"size": size, "head": head or first.hash, "key": "k"}
        (second,) = store.append_events(
            conn, [Event(EventKind.CHECKPOINT_SIGNED, NOON, "bot", data=data)]
        )
        return [first.hash, second.hash]

    return await database.write(write)


def seen(seq: int, digest: str, *hashes: str) -> SeenLine:
    return SeenLine(seq, digest[:12], "1700000000.000100", frozenset(hashes))


async def look(database: Database, *lines: SeenLine) -> Comparison:
    return await database.read(partial(compared, seen=lines))


async def test_a_line_and_a_checkpoint(database: Database) -> None:
    """The same as in the log: counted, no fault."""
    first, second = await logged(database, 1)
    found = await look(database, seen(2, second, first), seen(1, first))
    assert found == Comparison(lines=2, checkpoints=1)


async def test_the_first_of_several_faults(database: Database) -> None:
    """The channel is read from its end; the fault that is told is the first in the log."""
    first, second = await logged(database, 1)
    found = await look(database, seen(9, second), seen(2, first), seen(1, first))
    assert found.lines == 3
    assert found.fault is not None
    assert (found.fault.seq, "was another one" in found.fault.what) == (2, True)
    cut = (await look(database, seen(9, second))).fault
    assert cut == Fault(
        9, "line 9 stood there on 2023-11-14 at 22:13:20 UTC, and the log ends with line 2"
    )


async def test_twelve_characters_are_not_enough(database: Database) -> None:
    """A line made to fit its short hash: the whole hash in its words is compared, both ways."""
    _, second = await logged(database, 1)
    other = (await look(database, seen(2, second, HEAD))).fault
    assert other is not None
    assert (other.seq, "checkpoint 1" in other.what) == (1, True)


async def test_the_line_that_a_checkpoint_signed(database: Database) -> None:
    """The checkpoint's line is as the channel saw it, and the line that it signed is not."""
    _, second = await logged(database, 1, head=HEAD)
    found = (await look(database, seen(2, second, HEAD))).fault
    assert found is not None
    assert (found.seq, "checkpoint 1" in found.what) == (1, True)
