"""The small tables: seen requests, open sessions, checkpoints, settings, replicas; and the hint."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bot.domain.grant import State
from bot.storage.clock import place
from bot.storage.presence import HINT
from bot.storage.tables import checkpoints, grants, replicas, seen, sessions, settings


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed statement of how long the log was and how it ended."""

    size: int
    head: str
    at: datetime
    previous: str
    signature: str
    key_id: str


@dataclass(frozen=True, slots=True)
class Replica:
    """A process that works, or worked, on this database."""

    id: str
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime


def _insert(conn: Connection) -> type[postgresql.Insert] | type[sqlite.Insert]:
    """The dialect's own INSERT, which knows ON CONFLICT."""
    return postgresql.Insert if conn.dialect.name == "postgresql" else sqlite.Insert


def hint(conn: Connection) -> None:
    """Tells other processes, when this transaction commits, that there may be work for them."""
    if conn.dialect.name == "postgresql":
        conn.execute(select(HINT), {"teller": place(conn).replica})


def remember(conn: Connection, key: str, at: datetime) -> bool:
    """True the first time that `key` is seen, false when it is a repeat."""
    query = _insert(conn)(seen).values(key=key, at=at).on_conflict_do_nothing()
    return conn.execute(query.returning(seen.c.key)).first() is not None


def forget_seen(conn: Connection, before: datetime) -> int:
    """Drops the keys seen before then; how many."""
    return conn.execute(delete(seen).where(seen.c.at < before)).rowcount


def open_sessions(conn: Connection, grant_id: str) -> dict[str, datetime]:
    """The provider's sessions of a grant that were told as opened, and since when."""
    query = select(sessions.c.session_id, sessions.c.since).where(sessions.c.grant_id == grant_id)
    return dict(conn.execute(query).all())


def grants_left(conn: Connection) -> list[str]:
    """The grants that have ended with sessions that were not told as closed."""
    query = select(sessions.c.grant_id).join(grants, grants.c.id == sessions.c.grant_id)
    ended = query.where(grants.c.state == State.ENDED.value).distinct()
    return list(conn.execute(ended).scalars())


def add_sessions(conn: Connection, grant_id: str, opened: Mapping[str, datetime]) -> None:
    """Remembers sessions; one that is known already keeps its time."""
    rows = [
        {"grant_id": grant_id, "session_id": session, "since": since}
        for session, since in opened.items()
    ]
    if rows:
        conn.execute(_insert(conn)(sessions).on_conflict_do_nothing(), rows)


def drop_sessions(conn: Connection, grant_id: str, closed: Iterable[str]) -> None:
    """Forgets sessions that were told as closed."""
    conn.execute(
        delete(sessions).where(
            sessions.c.grant_id == grant_id, sessions.c.session_id.in_(list(closed))
        )
    )


def add_checkpoint(conn: Connection, checkpoint: Checkpoint) -> None:
    conn.execute(
        insert(checkpoints).values(
            size=checkpoint.size,
            head=checkpoint.head,
            at=checkpoint.at,
            previous=checkpoint.previous,
            signature=checkpoint.signature,
            key_id=checkpoint.key_id,
        )
    )


def last_checkpoint(conn: Connection) -> Checkpoint | None:
    found = list_checkpoints(conn, limit=1)
    return found[0] if found else None


def list_checkpoints(conn: Connection, limit: int = 100) -> list[Checkpoint]:
    """The newest first."""
    query = select(checkpoints).order_by(checkpoints.c.size.desc()).limit(limit)
    return [Checkpoint(**row) for row in conn.execute(query).mappings()]


def get_setting(conn: Connection, name: str) -> str | None:
    """A value that the program keeps for itself, such as how far it had come with something."""
    found: str | None = conn.execute(
        select(settings.c.value).where(settings.c.name == name)
    ).scalar()
    return found


def set_setting(conn: Connection, name: str, value: str) -> None:
    query = _insert(conn)(settings).values(name=name, value=value)
    conn.execute(query.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def settings_named(conn: Connection, prefix: str) -> dict[str, str]:
    """All values whose names begin so."""
    names = settings.c.name >= prefix, settings.c.name < prefix + "\x7f"
    query = select(settings.c.name, settings.c.value).where(*names)
    return dict(conn.execute(query).all())


def drop_setting(conn: Connection, name: str) -> None:
    conn.execute(delete(settings).where(settings.c.name == name))


_SCRIBBLE: Final = "." * 16_384
"""More than a page: it shows a disk that is full."""


def scribble(conn: Connection) -> None:
    """Writes, and takes it away again."""
    name = f"scribble:{place(conn).replica}"
    set_setting(conn, name, _SCRIBBLE)
    drop_setting(conn, name)


def add_replica(conn: Connection, replica: Replica) -> None:
    conn.execute(
        insert(replicas).values(
            id=replica.id,
            host=replica.host,
            pid=replica.pid,
            started_at=replica.started_at,
            seen_at=replica.seen_at,
        )
    )


def touch_replica(conn: Connection, replica_id: str, at: datetime) -> None:
    """It was alive then."""
    conn.execute(update(replicas).where(replicas.c.id == replica_id).values(seen_at=at))


def drop_replicas(conn: Connection, ids: Iterable[str]) -> None:
    conn.execute(delete(replicas).where(replicas.c.id.in_(list(ids))))


def list_replicas(conn: Connection) -> list[Replica]:
    """Those that started first come first."""
    query = select(replicas).order_by(replicas.c.started_at, replicas.c.id)
    return [Replica(**row) for row in conn.execute(query).mappings()]
