"""Count what became of webhooks, let those that say the same wait as one, and know where they were registered."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    at = sa.DateTime(timezone=True)
    op.add_column("inbox", sa.Column("pending", sa.LargeBinary(32)))
    op.create_index("ix_inbox_pending", "inbox", ["source", "pending"], unique=True)
    op.create_table(
        "webhook_totals",
        sa.Column("source", sa.String(63), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.Column("first_at", at, nullable=False),
        sa.Column("last_at", at, nullable=False),
        sa.PrimaryKeyConstraint("source", "outcome", name="pk_webhook_totals"),
    )
    op.create_table(
        "webhook_hours",
        sa.Column("source", sa.String(63), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("hour", at, nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source", "outcome", "hour", name="pk_webhook_hours"),
    )
    op.create_index("ix_webhook_hours_hour", "webhook_hours", ["hour"])
    op.create_table(
        "webhook_registrations",
        sa.Column("source", sa.String(63), nullable=False),
        sa.Column("address", sa.String(500), nullable=False),
        sa.Column("theirs", sa.String(255), nullable=False),
        sa.Column("registered_at", at, nullable=False),
        sa.ForeignKeyConstraint(
            ["source"], ["sources.name"], name="fk_webhook_registrations_source", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("source", name="pk_webhook_registrations"),
    )
