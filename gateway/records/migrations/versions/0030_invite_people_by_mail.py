"""Write to people who are invited, know who came back, and show those who are new around once."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0032"
OPEN = sa.text("state = 'made'")


def upgrade() -> None:
    op.add_column("invitations", sa.Column("batch", sa.String(26)))
    op.add_column("invitations", sa.Column("mailed_at", sa.DateTime(timezone=True)))
    op.add_column("invitations", sa.Column("stopped_at", sa.DateTime(timezone=True)))
    # Two people who invited the same one at the same moment: the latest stays.
    op.execute(
        "UPDATE invitations SET state = 'withdrawn' WHERE state = 'made' AND EXISTS (SELECT 1 FROM invitations AS o "
        "WHERE o.email = invitations.email AND o.account_id = invitations.account_id AND o.state = 'made' "
        "AND o.id > invitations.id)"
    )
    op.create_index(
        "uq_invitations_open",
        "invitations",
        ["email", "account_id"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_index("ix_invitations_mailed", "invitations", ["state", "id", "mailed_at"])
    op.create_index("ix_invitations_member", "invitations", ["member_id"])
    op.create_index("ix_invitations_batch", "invitations", ["batch"])
    op.drop_table("invitation_mails")  # nothing has ever written it
    op.create_table(
        "invitation_mails",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("invitation_id", sa.String(26), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("handed_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("opened_at", sa.DateTime(timezone=True)),
        sa.Column("error", sa.Text()),
        sa.ForeignKeyConstraint(
            ["invitation_id"], ["invitations.id"], name="fk_invitation_mails_invitation_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_invitation_mails"),
        sa.UniqueConstraint("invitation_id", "number", name="uq_invitation_mails_invitation_id_number"),
    )
    op.create_index("ix_invitation_mails_due_at", "invitation_mails", ["due_at"])
    op.create_index("ix_invitation_mails_state", "invitation_mails", ["state", "invitation_id"])
    op.add_column("members", sa.Column("seen_on", sa.Date()))
    op.add_column("members", sa.Column("days", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("members", sa.Column("welcomed_at", sa.DateTime(timezone=True)))
    came = "WHERE last_visit_at IS NOT NULL"
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    day = "substr(last_visit_at, 1, 10)" if is_sqlite else "CAST(last_visit_at AT TIME ZONE 'UTC' AS DATE)"
    op.execute(f"UPDATE members SET seen_on = {day}, days = 1, welcomed_at = last_visit_at {came}")  # noqa: S608  # ours
    op.create_index("ix_members_seen", "members", ["seen_on", "id", "days"])
