"""The tables. What a schema can state, stands here and not in code.

Rules held by the database itself:

- one live grant per person and resource, and per provider-side fact;
- nothing at a provider without an end (`expires_at`), nothing live without a next look (`next_at`);
- the audit log takes no UPDATE (but of the erasable `texts`) and no DELETE.

States stand as literals in partial indexes and must stand as literals in queries too: with bound
parameters SQLite would not use the index, nor PostgreSQL under a generic plan.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Select,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from bot.domain.grant import AT_PROVIDER, LIVE, EndReason, Kind, State
from bot.domain.record import AUDIT_LANE
from bot.storage.types import Json, Number, Seconds, UtcTime

ENDS: Final = frozenset({State.ACTIVE, State.REVOKING})
"""States whose next step takes access away."""
BEGINS: Final = frozenset({State.PENDING, State.SCHEDULED, State.GRANTING})
"""States whose next step gives access, or closes a request."""


def literals(values: Iterable[StrEnum]) -> str:
    """Constants of ours as a sorted SQL list: `('active', 'revoking')`."""
    return "(" + ", ".join(f"'{value}'" for value in sorted(values)) + ")"


IS_LIVE: Final = f"state IN {literals(LIVE)}"
IS_ENDING: Final = f"state IN {literals(ENDS)}"
IS_BEGINNING: Final = f"state IN {literals(BEGINS)}"
IS_EXTENDING: Final = "extension IS NOT NULL AND state = 'active'"
IS_OVERDUE: Final = "overdue_at IS NOT NULL AND state = 'revoking'"
HAS_OWNER: Final = "lease_owner IS NOT NULL"
NOT_AUDIT: Final = f"lane <> '{AUDIT_LANE}'"

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_name)s",
        "uq": "%(table_name)s_%(column_0_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    clause = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=clause, postgresql_where=clause)


grants = Table(
    "grants",
    metadata,
    Column("id", Text, primary_key=True),
    Column("resource", Text, nullable=False),
    Column("requester", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("duration", Seconds, nullable=False),
    Column("kind", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("order", Json, nullable=False),
    Column("terms", Json, nullable=False),
    Column("policy_hash", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("decide_by", UtcTime, nullable=False),
    Column("starts_at", UtcTime),
    Column("ends_by", UtcTime),
    Column("started_at", UtcTime),
    Column("expires_at", UtcTime),
    Column("revoking_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("end_reason", Text),
    Column("votes", Json, nullable=False),
    Column("extension", Json),
    Column("extensions", Integer, nullable=False),
    Column("held", Boolean, nullable=False),
    Column("fact", Text),
    Column("native_end", UtcTime),
    Column("overdue_at", UtcTime),
    Column("alarms", Integer, nullable=False),
    Column("incident", Text),
    Column("task", Text),
    Column("done", Text),
    Column("version", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", UtcTime),
    Column("lease_owner", Text),
    Column("lease_token", Text),
    Column("unsure_until", UtcTime),
    Column("last_error", Text),
    CheckConstraint(f"state IN {literals(State)}", name="state"),
    CheckConstraint(f"kind IN {literals(Kind)}", name="kind"),
    CheckConstraint(f"end_reason IN {literals(EndReason)}", name="end_reason"),
    CheckConstraint(
        f"state NOT IN {literals(AT_PROVIDER)} OR expires_at IS NOT NULL", name="has_end"
    ),
    CheckConstraint(f"NOT ({IS_LIVE}) OR next_at IS NOT NULL", name="has_next"),
    CheckConstraint("duration > 0", name="duration"),
    _partial("grants_live_pair", "requester", "resource", where=IS_LIVE, unique=True),
    _partial("grants_live_fact", "fact", where=f"fact IS NOT NULL AND {IS_LIVE}", unique=True),
    _partial("grants_due_ends", "next_at", where=IS_ENDING),
    _partial("grants_due_begins", "next_at", where=IS_BEGINNING),
    _partial("grants_live", "provider", "resource", "state", where=IS_LIVE),
    _partial("grants_overdue", "overdue_at", where=IS_OVERDUE),
    _partial("grants_extending", "created_at", "id", where=IS_EXTENDING),
    _partial("grants_leased", "lease_owner", where=HAS_OWNER),
    Index("grants_created", "created_at", "id"),
    Index("grants_by_requester", "requester", "created_at", "id"),
    Index("grants_by_resource", "resource", "created_at", "id"),
    Index("grants_by_state", "state", "created_at", "id"),
    # Without `ended_at`: it would be written anew with each change of state.
    Index("grants_pair", "requester", "resource"),
)

events = Table(
    "events",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("kind", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("grant_id", Text),
    # Whose access and to what: copied from the grant so that a search is one index range.
    Column("person", Text),
    Column("resource", Text),
    Column("body", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("texts", Json),
    Index("events_by_grant", "grant_id", "seq"),
    Index("events_by_kind", "kind", "seq"),
    Index("events_by_actor", "actor", "seq"),
    Index("events_by_person", "person", "seq"),
    Index("events_by_resource", "resource", "seq"),
    Index("events_at", "at"),
)

chain_head = Table(
    "chain_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

notices = Table(
    "notices",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("lane", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("grant_id", Text),
    Column("data", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("next_at", UtcTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("unsure", Boolean, nullable=False),
    Column("lease_owner", Text),
    Column("lease_token", Text),
    Index("notices_lane", "lane", "id"),
    # The audit lane is the one that can grow long, and only its first row is ever due.
    _partial("notices_due", "next_at", where=NOT_AUDIT),
    _partial("notices_leased", "lease_owner", where=HAS_OWNER),
    # Numbers of delivered notices are never given out again: they are in messages' metadata.
    sqlite_autoincrement=True,
)

postings = Table(
    "postings",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("grant_id", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("ts", Text, nullable=False),
    Column("digest", Text, nullable=False),
    UniqueConstraint("grant_id", "role", name="postings_role"),
    Index("postings_message", "channel", "ts"),
)

seen = Table(
    "seen",
    metadata,
    Column("key", Text, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Index("seen_at", "at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("grant_id", Text, ForeignKey("grants.id"), nullable=False),
    Column("session_id", Text, nullable=False),
    Column("since", UtcTime, nullable=False),
    PrimaryKeyConstraint("grant_id", "session_id"),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("head", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("previous", Text, nullable=False),
    Column("signature", Text, nullable=False),
    Column("key_id", Text, nullable=False),
)

settings = Table(
    "settings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

replicas = Table(
    "replicas",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
)


def by_index(query: Select[Any], table: Table, index: str | None) -> Select[Any]:
    """By this index and no other, where one is named (https://sqlite.org/lang_indexedby.html).

    As long as SQLite has not counted what is in a table it guesses which of two indexes is the
    narrower, and may then walk most of the table. PostgreSQL counts by itself.
    """
    return query if index is None else query.with_hint(table, f"INDEXED BY {index}", "sqlite")
