"""Find customers quickly, invite them by mail, and move what is theirs between accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("seen_at", sa.DateTime(timezone=True)))
    op.add_column("accounts", sa.Column("merged_into", sa.String(63)))
    op.add_column("accounts", sa.Column("words", sa.Text()))
    op.add_column("members", sa.Column("words", sa.Text()))
    # A database knows capitals of A to Z for certain; others become small with the next change of the name.
    op.execute("UPDATE accounts SET words = lower(name || ' ' || id)")
    said = "coalesce(name, '') || ' ' || coalesce(email, '') || ' ' || subject"
    op.execute(f"UPDATE members SET words = substr(lower({said}), 1, 600)")  # noqa: S608  # ours
    op.add_column("memberships", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.create_index("ix_accounts_words", "accounts", ["words", "id", "merged_into", "seen_at"])
    op.create_index("ix_members_words", "members", ["words", "id"])
    op.create_index("ix_links_customer", "links", ["customer"])
    op.execute(
        "UPDATE accounts SET seen_at = (SELECT max(members.last_visit_at) FROM memberships "
        "JOIN members ON members.id = memberships.member_id WHERE memberships.account_id = accounts.id)"
    )
    op.create_table(
        "invitation_mails",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("invitation_id", sa.String(26), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("handed_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("error", sa.Text()),
        sa.ForeignKeyConstraint(
            ["invitation_id"], ["invitations.id"], name="fk_invitation_mails_invitation_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_invitation_mails"),
    )
    op.create_index("ix_invitation_mails_invitation", "invitation_mails", ["invitation_id"])
    op.create_index("ix_invitation_mails_due_at", "invitation_mails", ["due_at"])
    op.create_table(
        "account_moves",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("from_account", sa.String(63), nullable=False),
        sa.Column("to_account", sa.String(63), nullable=False),
        sa.Column("moved", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_account_moves"),
    )
    op.create_index("ix_account_moves_from", "account_moves", ["from_account"])
    op.create_index("ix_account_moves_to", "account_moves", ["to_account"])
