"""Tie logins to customers by proof: addresses, invitations, grounds, open questions, checks of contacts, leases."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

SMALL = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def upgrade() -> None:
    at = sa.DateTime(timezone=True)
    op.add_column("persons", sa.Column("checked_at", at))
    op.create_index("ix_audit_lines_about", "audit_lines", ["about"])
    op.create_table(
        "addresses",
        sa.Column("address", sa.String(255), nullable=False),
        sa.Column("member_id", sa.String(26), nullable=False),
        sa.Column("first_at", at, nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_addresses_member_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("address", "member_id", name="pk_addresses"),
    )
    op.create_index("ix_addresses_member", "addresses", ["member_id"])
    op.create_table(
        "invitations",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("email", sa.String(255), nullable=False),
        sa.Column("name", sa.String(255)),
        sa.Column("account_id", sa.String(63), nullable=False),
        sa.Column("rights", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.String(255), nullable=False),
        sa.Column("made_at", at, nullable=False),
        sa.Column("until", at, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("member_id", sa.String(26)),
        sa.Column("used_at", at),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_invitations_account_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_invitations_member_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
    )
    op.create_index("ix_invitations_email", "invitations", ["email"])
    op.create_index("ix_invitations_account", "invitations", ["account_id"])
    op.create_table(
        "grounds",
        sa.Column("member_id", sa.String(26), nullable=False),
        sa.Column("account_id", sa.String(63), nullable=False),
        sa.Column("how", sa.String(10), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("decided_by", sa.String(255), nullable=False),
        sa.Column("decided_at", at, nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id", "account_id"],
            ["memberships.member_id", "memberships.account_id"],
            name="fk_grounds_member_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("member_id", "account_id", name="pk_grounds"),
    )
    op.create_table(
        "questions",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("member_id", sa.String(26), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.Column("asked_at", at, nullable=False),
        sa.Column("decided_by", sa.String(255)),
        sa.Column("decided_at", at),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_questions_member_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_questions"),
        sa.UniqueConstraint("member_id", name="uq_questions_member_id"),
    )
    op.create_index("ix_questions_state", "questions", ["state"])
    op.create_table(
        "contact_checks",
        sa.Column("invitation_id", sa.String(26), nullable=False),
        sa.Column("verdict", sa.String(10), nullable=False),
        sa.Column("reason", sa.String(40)),
        sa.Column("inputs", sa.String(64), nullable=False),
        sa.Column("checked_at", at, nullable=False),
        sa.ForeignKeyConstraint(
            ["invitation_id"], ["invitations.id"], name="fk_contact_checks_invitation_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("invitation_id", name="pk_contact_checks"),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("until", at, nullable=False),
        sa.Column("done_at", at),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    _remember()


def _remember() -> None:
    """Put down the addresses that members are known by already."""
    connection = op.get_bind()
    members = sa.table("members", *map(sa.column, ("id", "email", "created_at")))
    known = connection.execute(sa.select(members).where(members.c.email.is_not(None)))
    columns = sa.table("addresses", *map(sa.column, ("address", "member_id", "first_at")))
    rows = [{"address": row.email.translate(SMALL), "member_id": row.id, "first_at": row.created_at} for row in known]
    if rows:
        connection.execute(sa.insert(columns), rows)
