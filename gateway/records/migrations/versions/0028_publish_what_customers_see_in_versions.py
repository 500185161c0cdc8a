"""Publish what customers see in versions, with a draft. What was decided is the first of them."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0031"

# Could not be hidden before, so whoever decided something decided nothing about it.
NEW = {"orders": ["amounts"], "invoices": ["amounts"]}


def upgrade() -> None:
    versions = op.create_table(
        "visibility_versions",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("restored", sa.Integer()),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_visibility_versions"),
    )
    op.create_table(
        "visibility_draft",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text()),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_visibility_draft"),
    )
    before = sa.table(
        "visibility",
        sa.column("shown", sa.JSON()),
        sa.column("changed_at", sa.DateTime(timezone=True)),
        sa.column("changed_by", sa.String(255)),
    )
    for shown, at, by in op.get_bind().execute(sa.select(before)).all():
        fields = {kind: sorted([*its, *NEW.get(kind, [])]) for kind, its in shown["fields"].items()}
        seen = {"shown": {"most": shown["most"], "fields": fields, "details": ["address"]}, "topics": None}
        document = json.dumps({"everybody": {**seen, "notice": None}, "segments": []})
        op.bulk_insert(versions, [{"number": 1, "document": document, "made_at": at, "made_by": by}])
    op.drop_table("visibility")
