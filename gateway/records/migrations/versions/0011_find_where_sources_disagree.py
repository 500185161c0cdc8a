"""Find where two sources disagree: which of them counts, a queue for staff, and how often they agree."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    with op.batch_alter_table("sources") as sources:
        sources.add_column(sa.Column("wins", sa.JSON(), nullable=False, server_default="{}"))
    with op.batch_alter_table("sources") as sources:
        sources.alter_column("wins", server_default=None)
    op.create_table(
        "conflicts",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("account_id", sa.String(63), nullable=False),
        sa.Column("member_id", sa.String(26)),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("number", sa.String(255), nullable=False),
        sa.Column("field", sa.String(20), nullable=False),
        sa.Column("first_source", sa.String(63), nullable=False),
        sa.Column("second_source", sa.String(63), nullable=False),
        sa.Column("first_id", sa.String(255), nullable=False),
        sa.Column("second_id", sa.String(255), nullable=False),
        sa.Column("first_value", sa.Text(), nullable=False),
        sa.Column("second_value", sa.Text(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(255)),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_conflicts_account_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_conflicts_member_id", ondelete="CASCADE"),
        *_of_two_sources("conflicts"),
        sa.PrimaryKeyConstraint("id", name="pk_conflicts"),
        sa.UniqueConstraint(
            "account_id",
            "kind",
            "number",
            "field",
            "first_source",
            "second_source",
            name="uq_conflicts_fact",
        ),
    )
    op.create_index("ix_conflicts_state", "conflicts", ["state"])
    op.create_table(
        "agreements",
        sa.Column("account_id", sa.String(63), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("field", sa.String(20), nullable=False),
        sa.Column("first_source", sa.String(63), nullable=False),
        sa.Column("second_source", sa.String(63), nullable=False),
        sa.Column("agreed", sa.Integer(), nullable=False),
        sa.Column("differing", sa.Integer(), nullable=False),
        sa.Column("compared_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_agreements_account_id", ondelete="CASCADE"),
        *_of_two_sources("agreements"),
        sa.PrimaryKeyConstraint("account_id", "kind", "field", "first_source", "second_source", name="pk_agreements"),
    )


def _of_two_sources(table: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([column], ["sources.name"], name=f"fk_{table}_{column}", ondelete="CASCADE")
        for column in ("first_source", "second_source")
    ]
