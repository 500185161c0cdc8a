"""Remember which of the provider's sessions a session came from."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("sessions", sa.Column("provider_sid", sa.String(255)))
    op.create_index("ix_sessions_provider_sid", "sessions", ["provider_sid"])
