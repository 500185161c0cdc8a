"""Let people sign in by a code that comes by mail."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0036"


def upgrade() -> None:
    op.create_table(
        "sign_in_codes",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("browser", sa.LargeBinary(32), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("address", sa.String(255), nullable=False),
        sa.Column("return_to", sa.Text(), nullable=False),
        sa.Column("device", sa.String(60)),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.LargeBinary(32)),
        sa.Column("link", sa.LargeBinary(32)),
        sa.Column("guesses", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("handed_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_sign_in_codes"),
    )
    op.create_index("ix_sign_in_codes_browser", "sign_in_codes", ["browser"])
    op.create_index("ix_sign_in_codes_link", "sign_in_codes", ["link"], unique=True)
    op.create_index("ix_sign_in_codes_due_at", "sign_in_codes", ["due_at"])
    op.create_index("ix_sign_in_codes_until", "sign_in_codes", ["until"])
    op.create_index("ix_sign_in_codes_address", "sign_in_codes", ["address"])
