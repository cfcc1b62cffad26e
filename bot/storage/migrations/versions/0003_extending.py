"""Finding the extensions that wait for a decision."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

EXTENDING = "extension IS NOT NULL AND state = 'active'"


def upgrade() -> None:
    where = sa.text(EXTENDING)
    op.create_index(
        "grants_extending",
        "grants",
        ["created_at", "id"],
        sqlite_where=where,
        postgresql_where=where,
    )
