"""Find deliveries, mails and lines of the trail, keep what staff may look at, and do long work in pieces."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0022"


def upgrade() -> None:
    at = sa.DateTime(timezone=True)
    op.add_column("inbox", sa.Column("state", sa.String(10), nullable=False, server_default="waiting"))
    op.add_column("inbox", sa.Column("record", sa.String(255)))
    op.add_column("inbox", sa.Column("error", sa.Text()))
    op.add_column("inbox", sa.Column("ended_at", at))
    op.add_column("inbox", sa.Column("replayed_at", at))
    op.add_column("inbox", sa.Column("raw", sa.LargeBinary()))
    op.execute("UPDATE inbox SET state = 'done' WHERE due_at IS NULL")
    for table in ("inbox", "mails", "outbox"):
        op.create_index(f"ix_{table}_state", table, ["state", "id", "source"])
        op.create_index(f"ix_{table}_source", table, ["source", "id"])
    op.create_index("ix_inbox_record", "inbox", ["record", "id"])
    op.create_index("ix_mails_account", "mails", ["account_id", "id"])
    op.create_index("ix_mails_record", "mails", ["record", "id"])
    op.add_column("webhook_hours", sa.Column("last_at", at))
    op.add_column("webhook_hours", sa.Column("detail", sa.Text()))
    op.add_column("mails", sa.Column("resent_at", at))
    op.drop_index("ix_audit_lines_about", "audit_lines")
    for column in ("about", "who", "what", "account"):
        op.create_index(f"ix_audit_lines_{column}", "audit_lines", [column, "number"])
    op.create_index("ix_audit_lines_at", "audit_lines", ["at"])
    op.create_table(
        "upkeep",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("wanted_by", sa.String(100), nullable=False),
        sa.Column("began_at", at, nullable=False),
        sa.Column("looked_at", at, nullable=False),
        sa.Column("ended_at", at),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("mark", sa.Text()),
        sa.Column("problem", sa.Text()),
        sa.PrimaryKeyConstraint("name", name="pk_upkeep"),
    )
