"""What people do by hand."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("task", "done"):
        op.add_column("grants", sa.Column(name, sa.Text(), nullable=True))
