"""Follow back offices: how their feeds go, and how far their lists were read as a whole."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "feeds",
        sa.Column("source", sa.String(63), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("version", sa.String(40), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True)),
        sa.Column("failing_since", sa.DateTime(timezone=True)),
        sa.Column("error", sa.Text()),
        sa.Column("checkpoint", sa.Text()),
        sa.Column("checkpoint_at", sa.DateTime(timezone=True)),
        sa.Column("checkpoint_before", sa.Text()),
        sa.ForeignKeyConstraint(["source"], ["sources.name"], name="fk_feeds_source", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("source", "kind", name="pk_feeds"),
    )
    op.create_table(
        "sweeps",
        sa.Column("source", sa.String(63), nullable=False),
        sa.Column("version", sa.String(40), nullable=False),
        sa.Column("place", sa.Text()),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("compared", sa.JSON(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("last", sa.JSON()),
        sa.ForeignKeyConstraint(["source"], ["sources.name"], name="fk_sweeps_source", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("source", name="pk_sweeps"),
    )
    with op.batch_alter_table("leases") as leases:
        leases.alter_column("name", existing_type=sa.String(40), type_=sa.String(100), existing_nullable=False)
