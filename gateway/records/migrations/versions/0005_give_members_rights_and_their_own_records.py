"""Give each membership rights, and say who a member is in a source.

Who may act for an account already sees all of it, as before: nobody loses a page by an upgrade.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

ALL = dict.fromkeys(("orders", "invoices", "requests", "documents"), "company")


def upgrade() -> None:
    with op.batch_alter_table("memberships") as memberships:
        memberships.add_column(sa.Column("rights", sa.JSON(), nullable=False, server_default=json.dumps(ALL)))
    with op.batch_alter_table("memberships") as memberships:
        memberships.alter_column("rights", server_default=None)
    op.create_table(
        "persons",
        sa.Column("member_id", sa.String(26), nullable=False),
        sa.Column("source", sa.String(63), nullable=False),
        sa.Column("person", sa.String(255), nullable=False),
        sa.Column("fact", sa.String(255), nullable=False),
        sa.Column("decided_by", sa.String(255), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_persons_member_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["source"], ["sources.name"], name="fk_persons_source", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("member_id", "source", "person", name="pk_persons"),
    )
    op.create_index("ix_persons_person", "persons", ["source", "person"])
