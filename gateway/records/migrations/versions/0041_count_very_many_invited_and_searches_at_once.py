"""Keep which verdicts about those who are invited still hold, and the sums of what was searched for in help.

Very many of either are then counted at once. Triggers note whatever a verdict depends on, and keep the sums. Whoever
rebuilds one of these tables makes its triggers anew. Verdicts that are there hold no more: nobody knows by which
settings of the sources they were made.
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"

EITHER = "SELECT OLD.account_id UNION SELECT NEW.account_id"
WATCHED = (  # table, event, what is noted of which rows
    ("links", "INSERT", "account_id", "SELECT NEW.account_id"),
    ("links", "UPDATE OF account_id, source, customer", "account_id", EITHER),
    ("links", "DELETE", "account_id", "SELECT OLD.account_id"),
    ("addresses", "INSERT", "member_id", "SELECT NEW.member_id"),
    ("addresses", "DELETE", "invitation_id", "SELECT id FROM invitations WHERE email = OLD.address"),
    ("invitations", "UPDATE OF email, account_id, rights, until, state", "invitation_id", "SELECT NEW.id"),
)
SUMS = ("days", "times", "empty", "unanswered", "failed")
ADD = """
    INSERT INTO help_words (words, days, times, empty, unanswered, failed)
    VALUES (NEW.words, 1, NEW.times, NEW.empty, NEW.unanswered, NEW.empty + NEW.unanswered)
    ON CONFLICT (words) DO UPDATE SET
        days = help_words.days + 1,
        times = help_words.times + NEW.times,
        empty = help_words.empty + NEW.empty,
        unanswered = help_words.unanswered + NEW.unanswered,
        failed = help_words.failed + NEW.empty + NEW.unanswered
"""
CHANGE = """
    UPDATE help_words SET
        times = times + NEW.times - OLD.times,
        empty = empty + NEW.empty - OLD.empty,
        unanswered = unanswered + NEW.unanswered - OLD.unanswered,
        failed = failed + NEW.empty - OLD.empty + NEW.unanswered - OLD.unanswered
    WHERE words = NEW.words
"""
TAKE = """
    UPDATE help_words SET
        days = days - 1,
        times = times - OLD.times,
        empty = empty - OLD.empty,
        unanswered = unanswered - OLD.unanswered,
        failed = failed - OLD.empty - OLD.unanswered
    WHERE words = OLD.words;
    DELETE FROM help_words WHERE words = OLD.words AND days = 0
"""


def upgrade() -> None:
    op.add_column("contact_checks", sa.Column("basis", sa.String(16)))
    op.add_column("contact_checks", sa.Column("holds_until", sa.DateTime(timezone=True)))
    op.drop_index("ix_contact_checks_verdict", "contact_checks")
    counted = ["verdict", "basis", "invitation_id", "holds_until", "checked_at"]
    op.create_index("ix_contact_checks_verdict", "contact_checks", counted)
    op.create_index("ix_contact_checks_basis", "contact_checks", ["basis", "invitation_id", "holds_until"])
    op.create_table(
        "contact_due",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.String(63)),
        sa.Column("member_id", sa.String(26)),
        sa.Column("invitation_id", sa.String(26)),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_contact_due_member_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_contact_due"),
    )
    op.create_table(
        "help_words",
        sa.Column("words", sa.String(100), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in SUMS),
        sa.PrimaryKeyConstraint("words", name="pk_help_words"),
    )
    _on("INSERT", "help_searches", "help_words_more", ADD)  # from now on nobody else writes there before this is done
    _on("UPDATE OF times, empty, unanswered", "help_searches", "help_words_other", CHANGE)
    _on("DELETE", "help_searches", "help_words_fewer", TAKE)
    op.execute(
        "INSERT INTO help_words SELECT words, count(*), sum(times), sum(empty), sum(unanswered), "
        "sum(empty + unanswered) FROM help_searches GROUP BY words"
    )
    op.create_index("ix_help_words_failed", "help_words", ["failed", "times", "words", "empty", "unanswered"])
    op.drop_index("ix_help_searches_words", "help_searches")
    for number, (table, event, column, rows) in enumerate(WATCHED):
        _on(event, table, f"contact_due_{number}", f"INSERT INTO contact_due ({column}) {rows}")


def _on(event: str, table: str, name: str, what: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"CREATE TRIGGER {name} AFTER {event} ON {table} BEGIN {what}; END")
        return
    body = f"BEGIN {what}; RETURN NULL; END"
    op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
    op.execute(f"CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
