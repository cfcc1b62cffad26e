"""Where a message of ours stands in Slack, so that it can be edited and never posted twice."""

from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bot.storage.tables import grants, postings


@dataclass(frozen=True, slots=True)
class Posting:
    """One message. `role` tells a grant's messages apart: `card`, `extension:2`, `dm_granted`.

    `digest` is of what was last rendered: the same again needs no edit.
    """

    grant_id: str
    role: str
    channel: str
    ts: str
    digest: str


def _posting(row: RowMapping) -> Posting:
    return Posting(
        grant_id=row["grant_id"],
        role=row["role"],
        channel=row["channel"],
        ts=row["ts"],
        digest=row["digest"],
    )


def put_posting(conn: Connection, posting: Posting) -> None:
    """Remembers a message; one that the grant had in the same role is forgotten."""
    values = {
        "grant_id": posting.grant_id,
        "role": posting.role,
        "channel": posting.channel,
        "ts": posting.ts,
        "digest": posting.digest,
    }
    dialect = postgresql if conn.dialect.name == "postgresql" else sqlite
    query = dialect.insert(postings).values(**values)
    conn.execute(query.on_conflict_do_update(index_elements=["grant_id", "role"], set_=values))


def get_posting(conn: Connection, grant_id: str, role: str) -> Posting | None:
    return next((posting for posting in postings_of(conn, grant_id) if posting.role == role), None)


def postings_of(conn: Connection, grant_id: str) -> list[Posting]:
    """All messages of a grant, in the order in which they were first posted."""
    query = select(postings).where(postings.c.grant_id == grant_id).order_by(postings.c.id)
    return [_posting(row) for row in conn.execute(query).mappings()]


def posting_at(conn: Connection, channel: str, ts: str) -> Posting | None:
    """Which message of ours stands there: a click elsewhere is on a copy."""
    query = select(postings).where(postings.c.channel == channel, postings.c.ts == ts)
    row = conn.execute(query).mappings().first()
    return None if row is None else _posting(row)


def conversation_with(conn: Connection, user: str) -> str | None:
    """Where we last told this person something about a request of theirs; None if we never did."""
    query = (
        select(postings.c.channel)
        .join(grants, grants.c.id == postings.c.grant_id)
        .where(grants.c.requester == user, postings.c.role.startswith("dm_", autoescape=True))
        .order_by(grants.c.created_at.desc())
        .limit(1)
    )
    found: str | None = conn.execute(query).scalar()
    return found


def set_digest(conn: Connection, grant_id: str, role: str, digest: str) -> None:
    """The message was edited."""
    conn.execute(
        update(postings)
        .where(postings.c.grant_id == grant_id, postings.c.role == role)
        .values(digest=digest)
    )


def drop_posting(conn: Connection, grant_id: str, role: str) -> None:
    """The message is gone; the next notice posts it anew."""
    conn.execute(delete(postings).where(postings.c.grant_id == grant_id, postings.c.role == role))
