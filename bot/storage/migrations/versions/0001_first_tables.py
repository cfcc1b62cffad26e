"""The first tables."""

import sqlalchemy as sa
from alembic import op

from bot.storage.types import Json, Number, Seconds, UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = "the audit log is append-only"
SEALED = "seq, at, kind, actor, grant_id, person, resource, body, hash"

SQLITE_TRIGGERS = (
    f"""
    CREATE TRIGGER events_no_delete BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END
    """,
    f"""
    CREATE TRIGGER events_no_update BEFORE UPDATE OF {SEALED} ON events
    BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END
    """,
    # INSERT OR REPLACE deletes without asking the trigger above.
    f"""
    CREATE TRIGGER events_no_replace BEFORE INSERT ON events
    WHEN EXISTS (SELECT 1 FROM events WHERE seq = NEW.seq)
    BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END
    """,
)
POSTGRESQL_TRIGGERS = (
    f"""
    CREATE FUNCTION events_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{APPEND_ONLY}'; END $$
    """,
    """
    CREATE TRIGGER events_no_delete BEFORE DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION events_append_only()
    """,
    f"""
    CREATE TRIGGER events_no_update BEFORE UPDATE OF {SEALED} ON events
    FOR EACH ROW EXECUTE FUNCTION events_append_only()
    """,
    """
    CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION events_append_only()
    """,
)


LIVE = "state IN ('active', 'granting', 'pending', 'revoking', 'scheduled')"


def upgrade() -> None:
    _chain_head()
    _checkpoints()
    _events()
    _grants()
    _notices()
    _postings()
    _replicas()
    _seen()
    _settings()
    _sessions()
    op.execute(f"INSERT INTO chain_head (id, seq, hash) VALUES (1, 0, '{'0' * 64}')")
    sqlite = op.get_bind().dialect.name == "sqlite"
    for trigger in SQLITE_TRIGGERS if sqlite else POSTGRESQL_TRIGGERS:
        op.execute(trigger)


def _partial(table: str, name: str, *columns: str, where: str, unique: bool = False) -> None:
    clause = sa.text(where)
    op.create_index(
        name, table, columns, unique=unique, sqlite_where=clause, postgresql_where=clause
    )


def _chain_head() -> None:
    op.create_table(
        "chain_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("chain_head_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("chain_head_pkey")),
    )


def _checkpoints() -> None:
    op.create_table(
        "checkpoints",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("head", sa.Text(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("checkpoints_pkey")),
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("grant_id", sa.Text(), nullable=True),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("resource", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("texts", Json, nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("events_pkey")),
    )
    op.create_index("events_at", "events", ["at"])
    op.create_index("events_by_actor", "events", ["actor", "seq"])
    op.create_index("events_by_grant", "events", ["grant_id", "seq"])
    op.create_index("events_by_kind", "events", ["kind", "seq"])
    op.create_index("events_by_person", "events", ["person", "seq"])
    op.create_index("events_by_resource", "events", ["resource", "seq"])


def _grants() -> None:
    op.create_table(
        "grants",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("requester", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("duration", Seconds(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("order", Json, nullable=False),
        sa.Column("terms", Json, nullable=False),
        sa.Column("policy_hash", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("decide_by", UtcTime(), nullable=False),
        sa.Column("starts_at", UtcTime(), nullable=True),
        sa.Column("ends_by", UtcTime(), nullable=True),
        sa.Column("started_at", UtcTime(), nullable=True),
        sa.Column("expires_at", UtcTime(), nullable=True),
        sa.Column("revoking_at", UtcTime(), nullable=True),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("votes", Json, nullable=False),
        sa.Column("extension", Json, nullable=True),
        sa.Column("extensions", sa.Integer(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("fact", sa.Text(), nullable=True),
        sa.Column("native_end", UtcTime(), nullable=True),
        sa.Column("overdue_at", UtcTime(), nullable=True),
        sa.Column("alarms", sa.Integer(), nullable=False),
        sa.Column("incident", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", UtcTime(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_token", sa.Text(), nullable=True),
        sa.Column("unsure_until", UtcTime(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            f"NOT ({LIVE}) OR next_at IS NOT NULL",
            name=op.f("grants_has_next"),
        ),
        sa.CheckConstraint(
            "end_reason IN ('cancelled', 'closed', 'denied', "
            "'expired', 'failed', 'held', 'lapsed', 'lost', 'resolved', 'revoked', 'unconfirmed')",
            name=op.f("grants_end_reason"),
        ),
        sa.CheckConstraint(
            "kind IN ('emergency', 'exception', 'standard')", name=op.f("grants_kind")
        ),
        sa.CheckConstraint(
            "state IN ('active', 'cancelled', 'denied', "
            "'ended', 'granting', 'lapsed', 'pending', 'revoking', 'scheduled')",
            name=op.f("grants_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('active', 'granting', 'revoking') OR expires_at IS NOT NULL",
            name=op.f("grants_has_end"),
        ),
        sa.CheckConstraint("duration > 0", name=op.f("grants_duration")),
        sa.PrimaryKeyConstraint("id", name=op.f("grants_pkey")),
    )
    op.create_index("grants_by_requester", "grants", ["requester", "created_at", "id"])
    op.create_index("grants_by_resource", "grants", ["resource", "created_at", "id"])
    op.create_index("grants_by_state", "grants", ["state", "created_at", "id"])
    op.create_index("grants_created", "grants", ["created_at", "id"])
    _partial(
        "grants",
        "grants_due_begins",
        "next_at",
        where="state IN ('granting', 'pending', 'scheduled')",
    )
    _partial("grants", "grants_due_ends", "next_at", where="state IN ('active', 'revoking')")
    op.create_index("grants_pair", "grants", ["requester", "resource"])
    _partial("grants", "grants_leased", "lease_owner", where="lease_owner IS NOT NULL")
    _partial("grants", "grants_live", "provider", "resource", "state", where=LIVE)
    _partial(
        "grants", "grants_live_fact", "fact", where=f"fact IS NOT NULL AND {LIVE}", unique=True
    )
    _partial("grants", "grants_live_pair", "requester", "resource", where=LIVE, unique=True)
    _partial(
        "grants",
        "grants_overdue",
        "overdue_at",
        where="overdue_at IS NOT NULL AND state = 'revoking'",
    )


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("grant_id", sa.Text(), nullable=True),
        sa.Column("data", Json, nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("next_at", UtcTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("unsure", sa.Boolean(), nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_token", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("notices_pkey")),
        sqlite_autoincrement=True,
    )
    op.create_index("notices_created", "notices", ["created_at"])
    _partial("notices", "notices_due", "next_at", where="lane <> 'audit'")
    op.create_index("notices_lane", "notices", ["lane", "id"])
    _partial("notices", "notices_leased", "lease_owner", where="lease_owner IS NOT NULL")


def _postings() -> None:
    op.create_table(
        "postings",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("ts", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("postings_pkey")),
        sa.UniqueConstraint("grant_id", "role", name="postings_role"),
    )
    op.create_index("postings_message", "postings", ["channel", "ts"])


def _replicas() -> None:
    op.create_table(
        "replicas",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", UtcTime(), nullable=False),
        sa.Column("seen_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("replicas_pkey")),
    )


def _seen() -> None:
    op.create_table(
        "seen",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("seen_pkey")),
    )
    op.create_index("seen_at", "seen", ["at"])


def _settings() -> None:
    op.create_table(
        "settings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("settings_pkey")),
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("sessions_grant_id_fkey")),
        sa.PrimaryKeyConstraint("grant_id", "session_id", name=op.f("sessions_pkey")),
    )
