"""Keep the tokens of consents for all processes: some vendors take each only once."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0029"


def upgrade() -> None:
    op.create_table(
        "consent_tokens",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("sealed", sa.Text()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("asked_by", sa.String(16)),
        sa.Column("asked_until", sa.DateTime(timezone=True)),
        sa.Column("refused_at", sa.DateTime(timezone=True)),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_consent_tokens"),
    )
