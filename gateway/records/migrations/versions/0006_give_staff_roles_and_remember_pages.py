"""Give staff roles from a list or a claim, let them view as a member, and remember what members were shown.

Columns are added and dropped where they are: a table that is rebuilt would take with it what refers to it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("staff", sa.Column("listed_role", sa.String(20)))
    op.add_column("staff", sa.Column("claimed_role", sa.String(20)))
    op.execute("UPDATE staff SET listed_role = role WHERE role <> 'none'")  # nobody had listed those
    op.drop_column("staff", "role")
    op.add_column("sessions", sa.Column("viewing_member", sa.String(26)))
    op.add_column("sessions", sa.Column("viewing_account", sa.String(63)))
    op.add_column("sessions", sa.Column("viewing_until", sa.DateTime(timezone=True)))
    op.create_table(
        "page_contents",
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("frame", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_page_contents"),
    )
    op.create_table(
        "page_codes",
        sa.Column("code", sa.String(12), nullable=False),
        sa.Column("member_id", sa.String(26), nullable=False),
        sa.Column("account_id", sa.String(63)),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("page", sa.LargeBinary(32), nullable=False),
        sa.Column("reasons", sa.LargeBinary(32), nullable=False),
        sa.Column("look", sa.LargeBinary(32), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_page_codes_member_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("code", name="pk_page_codes"),
    )
    for name, column in (
        ("ix_page_codes_member", "member_id"),
        ("ix_page_codes_last", "last_at"),
        ("ix_page_codes_page", "page"),
        ("ix_page_codes_reasons", "reasons"),
        ("ix_page_codes_look", "look"),
    ):
        op.create_index(name, "page_codes", [column])
