"""Notices without an index by time: their numbers tell which is the oldest."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("notices_created", "notices")
