"""Find accounts that wait for a decision among very many."""

from alembic import op

revision = "0035"
down_revision = "0027"


def upgrade() -> None:
    op.create_index("ix_contact_checks_verdict", "contact_checks", ["verdict"])
