"""Let sources be paused, change their webhook secrets without a gap, and remember what went wrong with them."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0018"


def upgrade() -> None:
    op.add_column("sources", sa.Column("paused_at", sa.DateTime(timezone=True)))
    op.add_column("sources", sa.Column("rotated_at", sa.DateTime(timezone=True)))
    op.add_column("webhook_registrations", sa.Column("ends_at", sa.DateTime(timezone=True)))
    op.create_table(
        "troubles",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("source", sa.String(63), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("place", sa.String(10), nullable=False),
        sa.Column("error", sa.String(40), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["source"], ["sources.name"], name="fk_troubles_source", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_troubles"),
    )
    op.create_index("ix_troubles_source", "troubles", ["source", "id"])
    op.create_index("ix_troubles_ended_at", "troubles", ["ended_at"])
