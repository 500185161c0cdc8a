"""Keep sessions of staff beside those of members, and which provider each began at."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ONE_PERSON = (
    "(kind = 'member' AND member_id IS NOT NULL AND staff_id IS NULL) OR "
    "(kind = 'staff' AND staff_id IS NOT NULL AND member_id IS NULL AND account_id IS NULL)"
)


def upgrade() -> None:
    op.add_column("sessions", sa.Column("kind", sa.String(10)))
    op.add_column("sessions", sa.Column("provider", sa.String(20)))
    op.execute("UPDATE sessions SET kind = 'member', provider = 'main'")  # there was no other
    with op.batch_alter_table("sessions") as sessions:
        sessions.alter_column("kind", existing_type=sa.String(10), nullable=False)
        sessions.alter_column("provider", existing_type=sa.String(20), nullable=False)
        sessions.alter_column("member_id", existing_type=sa.String(26), nullable=True)
        sessions.add_column(sa.Column("staff_id", sa.String(26)))
        sessions.create_foreign_key("fk_sessions_staff_id", "staff", ["staff_id"], ["id"], ondelete="CASCADE")
        sessions.create_check_constraint("ck_sessions_kind", ONE_PERSON)
        sessions.create_index("ix_sessions_staff", ["staff_id"])
