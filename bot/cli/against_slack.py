"""`curfew audit verify --against-slack`: what the audit channel saw, compared with the log."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

from sqlalchemy import Connection

from bot.app.policies import Source, read_policy
from bot.cli.edge import AnswerIsNoError, WrongUsageError
from bot.config.settings import Settings, environment
from bot.domain.record import EventKind
from bot.slack.channel_log import SeenLine, seen_lines
from bot.slack.client import WIRE_ERRORS, error_code, open_client
from bot.storage import store
from bot.storage.database import Database

HINTS: Final = {
    "missing_scope": "Add channels:history, for a private channel groups:history, under OAuth &"
    " Permissions, and install the app again.",
    "not_in_channel": "Invite the bot there: /invite @curfew.",
    "channel_not_found": "Invite the bot there, or correct channels.audit in the policy.",
}
AWAY: Final = "See that this machine reaches Slack, then try again."


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that the channel saw otherwise."""

    seq: int
    what: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many lines of the bot were compared, and the checkpoints among them."""

    lines: int = 0
    checkpoints: int = 0
    fault: Fault | None = None

    def told(self) -> str:
        """For the operator."""
        return f"{self.lines} lines, {self.checkpoints} of them checkpoints."

    def then(self, other: "Comparison") -> "Comparison":
        """Both; of two faults the one that comes first in the log."""
        faults = [one for one in (self.fault, other.fault) if one is not None]
        first = min(faults, key=lambda fault: fault.seq, default=None)
        return Comparison(self.lines + other.lines, self.checkpoints + other.checkpoints, first)


async def compare_with_slack(
    database: Database, settings: Settings, *, progress: Callable[[int], None]
) -> Comparison:
    """Raises `AnswerIsNoError` with the first line that is not as the channel saw it.

    Raises `WrongUsageError` when the channel cannot be read.
    """
    if settings.slack_bot_token is None:
        raise WrongUsageError(
            "Without a bot token the audit channel cannot be read.",
            hints=("Set SLACK_BOT_TOKEN: see .env.example.",),
        )
    policy = await asyncio.to_thread(read_policy, Source(settings.policy, environment))
    channel = policy.channels.audit
    found = Comparison()
    token = settings.slack_bot_token.get_secret_value()
    try:
        async with open_client(token, settings.slack_api_url) as client:
            async for page in seen_lines(client, channel):
                found = found.then(await database.read(partial(compared, seen=page)))
                progress(found.lines)
    except WIRE_ERRORS as error:
        code = error_code(error)
        raise WrongUsageError(
            f"The audit channel {channel} cannot be read: {code}.", hints=(HINTS.get(code, AWAY),)
        ) from None
    if found.fault is not None:
        raise AnswerIsNoError(f"The log is not what the audit channel saw: {found.fault.what}.")
    return found


def compared(conn: Connection, *, seen: Sequence[SeenLine]) -> Comparison:
    """A page of the channel with the log as it is now, which is never older than the page."""
    hashes = store.hashes_at(conn, {line.seq for line in seen})
    found = Comparison()
    for line in seen:
        known = hashes.get(line.seq)
        if known is None:
            size = store.head(conn).seq
            what = f"line {line.seq} stood there {_when(line)}, and the log ends with line {size}"
            found = found.then(Comparison(1, 0, Fault(line.seq, what)))
        elif not known.startswith(line.short):
            what = f"line {line.seq} was another one {_when(line)}: {line.short}"
            found = found.then(Comparison(1, 0, Fault(line.seq, what)))
        elif line.hashes:
            found = found.then(_checkpoint(conn, line))
        else:
            found = found.then(Comparison(1))
    return found


def _checkpoint(conn: Connection, line: SeenLine) -> Comparison:
    """The whole hash stands in a checkpoint's line: twelve characters could be made to fit."""
    event = store.get_event(conn, line.seq)
    if event is None or event.kind is not EventKind.CHECKPOINT_SIGNED:
        return Comparison(1)
    said = json.loads(event.body)["data"]
    held = store.hashes_at(conn, {said["size"]}).get(said["size"])
    if said["head"] in line.hashes and held == said["head"]:
        return Comparison(1, 1)
    what = f"checkpoint {said['size']}, told in line {line.seq}, was another one {_when(line)}"
    return Comparison(1, 1, Fault(said["size"], what))


def _when(line: SeenLine) -> str:
    return datetime.fromtimestamp(float(line.ts), UTC).strftime("on %Y-%m-%d at %H:%M:%S UTC")
