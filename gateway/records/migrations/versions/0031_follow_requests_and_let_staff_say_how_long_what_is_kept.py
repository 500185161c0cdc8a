"""Tell the story of each request, let one of staff look after it, and let owners say how long what is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0035"

WORDS = 600  # characters
OF_ASKED = {"sqlite": "json_extract({}, '$.{}')", "postgresql": "{} ->> '{}'"}


def upgrade() -> None:
    at = sa.DateTime(timezone=True)
    op.add_column("outbox", sa.Column("topic", sa.String(200)))
    op.add_column("outbox", sa.Column("words", sa.String(WORDS)))
    op.add_column("outbox", sa.Column("claimed_by", sa.String(60)))
    op.add_column("outbox", sa.Column("claimed_at", at))
    taken = OF_ASKED[op.get_bind().dialect.name]
    subject, topic = taken.format("asked", "subject"), taken.format("note", "topic")
    named = "(SELECT name FROM accounts WHERE accounts.id = outbox.account_id)"
    parts = ("reference", f"coalesce({subject}, '')", "account_id", named, "coalesce(number, '')")
    joined = " || ' ' || ".join(parts)
    op.execute(
        f"UPDATE outbox SET words = substr(lower({joined}), 1, {WORDS}), topic = substr({topic}, 1, 200)"  # noqa: S608  # our own words
    )
    op.create_index("ix_outbox_account", "outbox", ["account_id", "id"])
    op.create_index("ix_outbox_topic", "outbox", ["topic", "id"])
    op.create_index("ix_outbox_words", "outbox", ["id", "words", "state"])
    op.create_table(
        "outbox_steps",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("outbox_id", sa.String(26), nullable=False),
        sa.Column("at", at, nullable=False),
        sa.Column("what", sa.String(12), nullable=False),
        sa.Column("who", sa.String(100)),
        sa.Column("given_to", sa.String(60)),
        sa.Column("detail", sa.Text()),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox.id"], name="fk_outbox_steps_outbox_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox_steps"),
    )
    op.create_index("ix_outbox_steps_outbox", "outbox_steps", ["outbox_id", "id"])
    op.add_column("asked_documents", sa.Column("why", sa.Text()))
    op.add_column("asked_documents", sa.Column("about", sa.String(300)))
    op.drop_index("ix_asked_documents_account", "asked_documents")
    op.create_index("ix_asked_documents_account", "asked_documents", ["account_id", "id"])
    op.create_index("ix_asked_documents_state", "asked_documents", ["state", "id"])
    op.create_table(
        "retention",
        sa.Column("name", sa.String(10), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("days", sa.JSON(), nullable=False),
        sa.Column("changed_at", at, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_retention"),
    )
