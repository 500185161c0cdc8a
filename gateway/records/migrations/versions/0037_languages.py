"""Keep in which language each member reads, and what staff have said in other languages."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0038"


def upgrade() -> None:
    op.add_column("members", sa.Column("language", sa.String(20)))
    op.add_column("members", sa.Column("language_seen", sa.String(20)))
    op.create_table(
        "phrase_books",
        sa.Column("language", sa.String(20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("language", name="pk_phrase_books"),
    )
    op.create_table(
        "phrases",
        sa.Column("language", sa.String(20), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("original", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.String(255), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("language", "key", name="pk_phrases"),
        sa.ForeignKeyConstraint(
            ["language"], ["phrase_books.language"], name="fk_phrases_language", ondelete="CASCADE"
        ),
    )
