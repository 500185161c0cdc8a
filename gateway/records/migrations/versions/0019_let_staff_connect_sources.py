"""Let staff connect sources: which kinds a source gives, where its secrets come from, and what is being filled in."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0020"

ADDED = (("kinds", "[]"), ("refs", "{}"), ("sealed_at", "{}"))


def upgrade() -> None:
    with op.batch_alter_table("sources") as sources:
        for name, empty in ADDED:
            sources.add_column(sa.Column(name, sa.JSON(), nullable=False, server_default=empty))
    with op.batch_alter_table("sources") as sources:
        for name, _ in ADDED:
            sources.alter_column(name, server_default=None)
    op.create_table(
        "source_drafts",
        sa.Column("staff_id", sa.String(26), nullable=False),
        sa.Column("place", sa.String(80), nullable=False),
        sa.Column("written", sa.JSON(), nullable=False),
        sa.Column("sealed", sa.JSON(), nullable=False),
        sa.Column("trial", sa.JSON(), nullable=False),
        sa.Column("grant", sa.Text()),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_source_drafts_staff_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("staff_id", "place", name="pk_source_drafts"),
    )
