"""Keep who looks after a customer: as their source said it, and when."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0030"


def upgrade() -> None:
    op.add_column("customer_facts", sa.Column("counterpart", sa.JSON()))
    op.add_column("customer_facts", sa.Column("counterpart_at", sa.DateTime(timezone=True)))
