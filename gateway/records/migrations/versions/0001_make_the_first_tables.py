"""Make the first tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

INSTANT = sa.DateTime(timezone=True)


def required(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def optional(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind)


def upgrade() -> None:
    op.create_table(
        "accounts",
        required("id", sa.String(63)),
        required("name", sa.String(255)),
        required("created_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
    )
    op.create_table(
        "members",
        required("id", sa.String(26)),
        required("issuer", sa.String(500)),
        required("subject", sa.String(255)),
        optional("email", sa.String(255)),
        optional("name", sa.String(255)),
        required("created_at", INSTANT),
        optional("last_visit_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_members"),
        sa.UniqueConstraint("issuer", "subject", name="uq_members_issuer_subject"),
    )
    op.create_table(
        "sources",
        required("name", sa.String(63)),
        required("title", sa.String(255)),
        required("connector", sa.String(63)),
        required("settings", sa.JSON()),
        required("sealed", sa.JSON()),
        required("promises", sa.JSON()),
        required("changed_at", INSTANT),
        sa.PrimaryKeyConstraint("name", name="pk_sources"),
    )
    op.create_table(
        "staff",
        required("id", sa.String(26)),
        required("issuer", sa.String(500)),
        required("subject", sa.String(255)),
        optional("name", sa.String(255)),
        required("role", sa.String(20)),
        required("created_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_staff"),
        sa.UniqueConstraint("issuer", "subject", name="uq_staff_issuer_subject"),
    )
    op.create_table(
        "usage_events",
        required("id", sa.String(26)),
        required("at", INSTANT),
        required("name", sa.String(40)),
        required("page", sa.String(40)),
        optional("account_id", sa.String(63)),
        optional("member_id", sa.String(26)),
        required("detail", sa.JSON()),
        sa.PrimaryKeyConstraint("id", name="pk_usage_events"),
    )
    op.create_index("ix_usage_at", "usage_events", ["at"])

    op.create_table(
        "links",
        required("source", sa.String(63)),
        required("customer", sa.String(255)),
        required("account_id", sa.String(63)),
        required("fact", sa.String(255)),
        required("decided_by", sa.String(255)),
        required("decided_at", INSTANT),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_links_account_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["source"], ["sources.name"], name="fk_links_source", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("source", "customer", name="pk_links"),
    )
    op.create_index("ix_links_account", "links", ["account_id"])

    op.create_table(
        "memberships",
        required("member_id", sa.String(26)),
        required("account_id", sa.String(63)),
        required("created_at", INSTANT),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_memberships_account_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_memberships_member_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("member_id", "account_id", name="pk_memberships"),
    )
    op.create_index("ix_memberships_account", "memberships", ["account_id"])

    op.create_table(
        "sessions",
        required("id_hash", sa.LargeBinary(32)),
        required("member_id", sa.String(26)),
        optional("account_id", sa.String(63)),
        required("csrf_token", sa.String(64)),
        optional("id_token", sa.String(8192)),
        required("created_at", INSTANT),
        required("seen_at", INSTANT),
        required("expires_at", INSTANT),
        optional("ended_at", INSTANT),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_sessions_account_id", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_sessions_member_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id_hash", name="pk_sessions"),
    )
    op.create_index("ix_sessions_expires", "sessions", ["expires_at"])
    op.create_index("ix_sessions_member", "sessions", ["member_id"])
