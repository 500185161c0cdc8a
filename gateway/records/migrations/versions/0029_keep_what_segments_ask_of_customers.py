"""Keep what systems say of customers, as far as segments ask for it."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.create_table(
        "customer_facts",
        sa.Column("source", sa.String(255), nullable=False),
        sa.Column("customer", sa.String(255), nullable=False),
        sa.Column("facts", sa.JSON()),
        sa.Column("read_at", sa.DateTime(timezone=True)),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["source", "customer"],
            ["links.source", "links.customer"],
            name="fk_customer_facts_source",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("source", "customer", name="pk_customer_facts"),
    )
