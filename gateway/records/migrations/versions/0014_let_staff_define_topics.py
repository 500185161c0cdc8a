"""Let staff define what customers can ask for, and keep beside what was sent what we told them of it."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "topics",
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("topic", sa.JSON(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_topics"),
    )
    op.add_column("outbox", sa.Column("note", sa.JSON()))
