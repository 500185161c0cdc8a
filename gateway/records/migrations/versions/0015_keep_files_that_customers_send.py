"""Keep files that customers send with a message until they have gone out, and for some days after."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "outbox_files",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("outbox_id", sa.String(26), nullable=False),
        sa.Column("account_id", sa.String(63), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_outbox_files_account_id"),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox.id"], name="fk_outbox_files_outbox_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox_files"),
    )
    op.create_index("ix_outbox_files_outbox", "outbox_files", ["outbox_id"])
    op.create_index("ix_outbox_files_made", "outbox_files", ["account_id", "made_at"])
