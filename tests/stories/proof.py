"""What every story has to leave behind, whatever happened in it.

Nothing at the provider, no open session, a whole log that gives the rows again, one line in the
audit channel for each event that wants one, and no secret in anything that is kept.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, MetaData, text

from bot.domain.grant import REPLAYABLE, Grant, State
from bot.domain.record import ANNOUNCED, EventKind, SealedEvent
from bot.domain.replay import replay
from bot.engine.verifying import prove
from bot.storage import store
from sandbox.seed import AUDIT

if TYPE_CHECKING:
    from tests.stories.scene import Scene

SEAL: Final = re.compile(r"#(\d+) ([0-9a-f]{12})$")
OVER: Final = frozenset({State.ENDED, State.DENIED, State.CANCELLED, State.LAPSED})


async def prove_rest(scene: "Scene") -> None:
    """Everything that holds when nothing is left to do. Waits for that first."""
    await scene.until(lambda: scene.database.read(_is_at_rest), "rest")
    assert (left := scene.roles()) == set(), f"still there: {left}"
    open_ones = [login for login in scene.logins if not await login.is_cut()]
    assert open_ones == [], f"{len(open_ones)} sessions outlived their access"
    events, grants = await scene.database.read(_everything)
    proof = await prove(scene.database)
    assert proof.fault is None, proof.fault
    assert proof.lines == len(events), f"{proof.lines} lines proven of {len(events)}"
    for grant in grants:
        _check_history(grant, [event for event in events if event.grant_id == grant.id])
    _check_audit_channel(scene, events)
    await _check_secrets(scene)


def _is_at_rest(conn: Connection) -> bool | None:
    """No lease, nothing due, nobody left to be told; None while there is."""
    waiting, _ = store.notice_backlog(conn)
    busy = "SELECT count(*) FROM grants WHERE lease_token IS NOT NULL OR next_at IS NOT NULL"
    return (waiting == 0 and conn.execute(text(busy)).scalar_one() == 0) or None


def _everything(conn: Connection) -> tuple[list[SealedEvent], list[Grant]]:
    return store.events_page(conn, 0, 10_000), store.list_grants(conn, limit=500)


def _check_history(grant: Grant, events: list[SealedEvent]) -> None:
    """The grant is over, its events give its row, and what began has ended, each once."""
    again = replay(events)
    differing = [name for name in REPLAYABLE if getattr(again, name) != getattr(grant, name)]
    assert differing == [], differing
    assert grant.state in OVER, grant.state
    kinds = Counter(event.kind for event in events)
    assert kinds[EventKind.GRANT_REQUESTED] == 1, kinds
    assert kinds[EventKind.GRANT_STARTED] <= kinds[EventKind.GRANT_ENDED] <= 1, kinds
    assert kinds[EventKind.GRANT_ENDED] == (grant.state is State.ENDED), kinds


def _check_audit_channel(scene: "Scene", events: list[SealedEvent]) -> None:
    """A line for each event that wants one, sealed with its number and hash; nothing twice."""
    timeline = scene.sandbox.workspace.timeline
    lines = [message.text.strip() for message in timeline.all(AUDIT) if message.metadata]
    seals = [SEAL.search(line) for line in lines]
    unsealed = [line for line, seal in zip(lines, seals, strict=True) if seal is None]
    assert unsealed == [], f"lines without their number and hash: {unsealed}"
    told = Counter((int(seal[1]), seal[2]) for seal in seals if seal)
    wanted = Counter((one.seq, one.hash[:12]) for one in events if one.kind in ANNOUNCED)
    assert told == wanted, f"doubled or foreign {told - wanted}, missing {wanted - told}"


async def _check_secrets(scene: "Scene") -> None:
    """Neither credential nor token in a table, the database's files, or anything said in Slack."""
    kept = {
        "tables": await scene.database.read(_dump),
        "files": "".join(_raw(scene)),
        "Slack": _said(scene),
        "log": scene.log.getvalue(),
    }
    found = [place for place, held in kept.items() for word in scene.secrets if word in held]
    assert found == [], f"a secret in {found}"


def _dump(conn: Connection) -> str:
    """Every row of every table there is, known to us or not."""
    there = MetaData()
    there.reflect(conn)
    assert {"grants", "events", "notices", "postings"} <= there.tables.keys()
    rows = [row for table in there.tables.values() for row in conn.execute(table.select())]
    return "\n".join(str(tuple(row)) for row in rows)


def _raw(scene: "Scene") -> list[str]:
    """The bot's own files, the key but not the policy: that one names where its secret is."""
    files = [path for path in scene.folder.iterdir() if path.is_file()]
    return [path.read_bytes().decode("latin-1") for path in files]


def _said(scene: "Scene") -> str:
    """Every message with its metadata, every form and Home tab, every ack, and every call but one.

    The form that shows a credential to its person is the one place where it may be. What people
    sent off themselves, we did not say.
    """
    workspace = scene.sandbox.workspace
    messages = [one.wire() for name in workspace.channels for one in workspace.timeline.all(name)]
    calls = [
        {key: part for key, part in entry.items() if key not in {"envelope", "post"}}
        for entry in scene.sandbox.traffic.since()
        if not _shows_credentials(entry)
    ]
    return json.dumps([messages, calls], default=str)


def _shows_credentials(entry: Mapping[str, object]) -> bool:
    is_update = entry.get("method") == "views.update"
    return is_update and "credentials_form" in json.dumps(entry["args"])
