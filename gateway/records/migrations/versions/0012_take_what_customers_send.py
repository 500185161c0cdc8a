"""Take what customers send: an outbox, in which it is written down before it goes out."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("reference", sa.String(16), nullable=False),
        sa.Column("account_id", sa.String(63), nullable=False),
        sa.Column("member_id", sa.String(26)),
        sa.Column("nonce", sa.String(43), nullable=False),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("source", sa.String(63), nullable=False),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True)),
        sa.Column("in_doubt_since", sa.DateTime(timezone=True)),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True)),
        sa.Column("record", sa.String()),
        sa.Column("number", sa.String()),
        sa.Column("error", sa.Text()),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_outbox_account_id"),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_outbox_member_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("reference", name="uq_outbox_reference"),
        sa.UniqueConstraint("account_id", "nonce", name="uq_outbox_account_nonce"),
    )
    op.create_index("ix_outbox_due_at", "outbox", ["due_at"])
