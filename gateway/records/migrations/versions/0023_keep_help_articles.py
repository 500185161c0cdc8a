"""Keep help articles, find them by their words, and count what customers made of them."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0019"


def upgrade() -> None:
    op.create_table(
        "articles",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(160), nullable=False),
        sa.Column("origin", sa.String(63), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("language", sa.String(20)),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("url", sa.Text()),
        sa.Column("changed_at", sa.DateTime(timezone=True)),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_articles"),
    )
    op.create_index("ix_articles_name", "articles", ["name"], unique=True)
    op.create_index("ix_articles_origin", "articles", ["origin"])
    op.create_table(
        "article_subjects",
        sa.Column("article_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(80), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"], ["articles.id"], name="fk_article_subjects_article_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("article_id", "subject", name="pk_article_subjects"),
    )
    op.create_index("ix_article_subjects_subject", "article_subjects", ["subject"])
    op.create_table(
        "article_origins",
        sa.Column("origin", sa.String(63), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("origin", name="pk_article_origins"),
    )
    op.create_table(
        "article_answers",
        sa.Column("name", sa.String(160), nullable=False),
        sa.Column("yes", sa.Integer(), nullable=False),
        sa.Column("no", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_article_answers"),
    )
    op.create_table(
        "help_searches",
        sa.Column("words", sa.String(100), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("empty", sa.Integer(), nullable=False),
        sa.Column("unanswered", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("words", "day", name="pk_help_searches"),
    )
    op.create_index("ix_help_searches_day", "help_searches", ["day"])
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE article_index USING fts5(title, summary, body, "
            "tokenize = 'unicode61 remove_diacritics 0', prefix = '2 3')"
        )
    else:
        op.execute("CREATE TABLE article_index (id INTEGER PRIMARY KEY, words TSVECTOR NOT NULL)")
        op.execute("CREATE INDEX ix_article_index_words ON article_index USING gin (words)")
