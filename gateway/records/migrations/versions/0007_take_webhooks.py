"""Take webhooks: an inbox of what they told."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "inbox",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("source", sa.String(63), nullable=False),
        sa.Column("delivery", sa.String(255)),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["source"], ["sources.name"], name="fk_inbox_source", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_inbox"),
        sa.UniqueConstraint("source", "delivery", name="uq_inbox_source_delivery"),
    )
    op.create_index("ix_inbox_due_at", "inbox", ["due_at"])
    op.create_index("ix_inbox_received_at", "inbox", ["received_at"])
