"""Keep an inbox, let members say how and when they hear of what, and staff which events there are."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0026"


def upgrade() -> None:
    op.create_table(
        "message_choices",
        sa.Column("member_id", sa.String(26), nullable=False),
        sa.Column("event", sa.String(40), nullable=False),
        sa.Column("mail", sa.String(8), nullable=False),
        sa.Column("inbox", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_message_choices_member_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("member_id", "event", name="pk_message_choices"),
    )
    op.execute(
        "INSERT INTO message_choices (member_id, event, mail, inbox)"
        " SELECT member_id, event, 'none', true FROM unwanted_mails"
    )
    op.drop_table("unwanted_mails")
    op.create_table(
        "message_times",
        sa.Column("member_id", sa.String(26), nullable=False),
        sa.Column("zone", sa.String(64)),
        sa.Column("quiet", sa.Boolean()),
        sa.Column("quiet_from", sa.Integer()),
        sa.Column("quiet_until", sa.Integer()),
        sa.Column("daily_at", sa.Integer()),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_message_times_member_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("member_id", name="pk_message_times"),
    )
    op.create_table(
        "message_rules",
        sa.Column("name", sa.String(10), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_message_rules"),
    )
    with op.batch_alter_table("mails") as mails:
        mails.add_column(sa.Column("gathered", sa.Boolean(), nullable=False, server_default=sa.false()))
        mails.add_column(sa.Column("read_at", sa.DateTime(timezone=True)))
    with op.batch_alter_table("mails") as mails:
        mails.alter_column("gathered", server_default=None)
    op.execute("UPDATE mails SET read_at = made_at")  # what was sent before there was an inbox is none of its news
    op.create_index("ix_mails_inbox", "mails", ["member_id", "account_id", "id"])
    op.create_index("ix_mails_unread", "mails", ["member_id", "account_id", "read_at", "made_at", "names"])
