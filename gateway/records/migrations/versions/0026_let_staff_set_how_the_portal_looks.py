"""Let staff set how the portal looks, and whom it names."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.create_table(
        "appearance",
        sa.Column("name", sa.String(10), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("fields", sa.JSON()),
        sa.Column("logo", sa.LargeBinary()),
        sa.Column("logo_suffix", sa.String(5)),
        sa.Column("changed_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("name", name="pk_appearance"),
    )
