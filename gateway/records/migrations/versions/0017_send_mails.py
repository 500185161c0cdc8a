"""Send mails: what was known at the last look, what is to be sent, and who wants none."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "books",
        sa.Column("source", sa.String(63), nullable=False),
        sa.Column("customer", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("account_id", sa.String(63), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("book", sa.LargeBinary(), nullable=False),
        sa.Column("due_on", sa.Date()),
        sa.ForeignKeyConstraint(
            ["source", "customer"], ["links.source", "links.customer"], name="fk_books_source", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("source", "customer", "kind", name="pk_books"),
    )
    op.create_index("ix_books_due_on", "books", ["due_on"])
    op.create_table(
        "mails",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("member_id", sa.String(26), nullable=False),
        sa.Column("account_id", sa.String(63), nullable=False),
        sa.Column("source", sa.String(63), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("record", sa.String(255), nullable=False),
        sa.Column("names", sa.String(100), nullable=False),
        sa.Column("event_key", sa.String(64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("handed_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("error", sa.Text()),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_mails_member_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_mails_account_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_mails"),
        sa.UniqueConstraint("member_id", "account_id", "event_key", name="uq_mails_event"),
    )
    op.create_index("ix_mails_due_at", "mails", ["due_at"])
    op.create_index("ix_mails_made_at", "mails", ["made_at"])
    op.create_table(
        "unwanted_mails",
        sa.Column("member_id", sa.String(26), nullable=False),
        sa.Column("event", sa.String(40), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_unwanted_mails_member_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("member_id", "event", name="pk_unwanted_mails"),
    )
    op.create_table(
        "refused_addresses",
        sa.Column("member_id", sa.String(26), nullable=False),
        sa.Column("address", sa.String(255), nullable=False),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name="fk_refused_addresses_member_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("member_id", name="pk_refused_addresses"),
    )
