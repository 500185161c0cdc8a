"""Ask customers for documents, and keep the files that they give."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "asked_documents",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("account_id", sa.String(63), nullable=False),
        sa.Column("member_id", sa.String(26)),
        sa.Column("label", sa.String(120), nullable=False),
        sa.Column("due_on", sa.Date()),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_asked_documents_account_id"),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_asked_documents_member_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_asked_documents"),
    )
    op.create_index("ix_asked_documents_account", "asked_documents", ["account_id"])
    op.create_table(
        "given_files",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("document_id", sa.String(26), nullable=False),
        sa.Column("member_id", sa.String(26)),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["asked_documents.id"], name="fk_given_files_document_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_given_files_member_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_given_files"),
    )
    op.create_index("ix_given_files_document", "given_files", ["document_id"])
