"""Remember what members could see in an account that was merged, so that a merge can be undone."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0033"


def upgrade() -> None:
    op.create_table(
        "moved_members",
        sa.Column("move_id", sa.String(26), nullable=False),
        sa.Column("member_id", sa.String(26), nullable=False),
        sa.Column("was_in_both", sa.Boolean(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rights", sa.JSON(), nullable=False),
        sa.Column("rights_there", sa.JSON()),
        sa.Column("ground", sa.JSON()),
        sa.ForeignKeyConstraint(["move_id"], ["account_moves.id"], name="fk_moved_members_move_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_moved_members_member_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("move_id", "member_id", name="pk_moved_members"),
    )
    op.create_index("ix_moved_members_member", "moved_members", ["member_id"])
