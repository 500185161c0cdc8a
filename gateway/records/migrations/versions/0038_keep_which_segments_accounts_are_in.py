"""Keep which segments accounts may be in, and find accounts, people and what they sent among very many.

The triggers note whatever a segment depends on. Whoever rebuilds one of these tables makes its triggers anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0039"

LINKED = "SELECT account_id FROM links WHERE source = {row}.source AND customer = {row}.customer"
WATCHED = (  # table, event, whose row, which account that is about
    ("links", "INSERT", "SELECT NEW.account_id"),
    ("links", "UPDATE OF account_id", "SELECT OLD.account_id UNION SELECT NEW.account_id"),
    ("links", "DELETE", "SELECT OLD.account_id"),
    ("customer_facts", "INSERT", LINKED.format(row="NEW")),
    ("customer_facts", "UPDATE OF facts, read_at", LINKED.format(row="NEW")),
    ("customer_facts", "DELETE", LINKED.format(row="OLD")),
    ("accounts", "INSERT", "SELECT NEW.id"),
    ("accounts", "UPDATE OF words, merged_into", "SELECT NEW.id"),
)
WIDER = (  # what a list is searched and counted by stands in its index, in the order of the list
    ("ix_invitations_account", "invitations", ["account_id", "state"]),
    ("ix_invitations_mailed", "invitations", ["state", "id", "mailed_at", "account_id", "email", "name"]),
    ("ix_members_seen", "members", ["seen_on", "id", "days", "words"]),
)


def upgrade() -> None:
    for name, table, columns in WIDER:
        op.drop_index(name, table)
        op.create_index(name, table, columns)
    op.create_index("ix_help_searches_words", "help_searches", ["words", "times", "empty", "unanswered"])
    op.create_table(
        "segment_marks",
        sa.Column("account_id", sa.String(63), nullable=False),
        sa.Column("held", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("words", sa.String(320), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_segment_marks_account_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name="pk_segment_marks"),
    )
    op.create_index("ix_segment_marks_held", "segment_marks", ["held", "words", "account_id"])
    op.create_index("ix_segment_marks_until", "segment_marks", ["until", "held"])
    op.create_table(
        "segment_due",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.String(63), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_segment_due"),
    )
    op.create_table(
        "segment_sorting",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rules", sa.String(32), nullable=False),
        sa.Column("upto", sa.String(63)),
        sa.PrimaryKeyConstraint("id", name="pk_segment_sorting"),
    )
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for number, (table, event, accounts) in enumerate(WATCHED):
        name, note = f"segment_due_{number}", f"INSERT INTO segment_due (account_id) {accounts}"
        if is_sqlite:
            op.execute(f"CREATE TRIGGER {name} AFTER {event} ON {table} BEGIN {note}; END")
            continue
        body = f"BEGIN {note}; RETURN NULL; END"
        op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
        op.execute(f"CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
