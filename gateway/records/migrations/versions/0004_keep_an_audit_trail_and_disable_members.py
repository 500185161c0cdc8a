"""Keep an audit trail that only grows, and let members be disabled."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

NOTHING = "0" * 64
REFUSED = "lines of the audit trail are never changed and never deleted"
KEPT = "the head of the audit trail is never deleted"

SQLITE = (
    f"CREATE TRIGGER audit_lines_stay BEFORE UPDATE ON audit_lines BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END",
    f"CREATE TRIGGER audit_lines_last BEFORE DELETE ON audit_lines BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END",
    # INSERT OR REPLACE deletes a row without asking the trigger above.
    f"""CREATE TRIGGER audit_lines_once BEFORE INSERT ON audit_lines
        WHEN NEW.number IN (SELECT number FROM audit_lines)
        BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END""",  # noqa: S608  # our own words
    f"CREATE TRIGGER audit_head_lasts BEFORE DELETE ON audit_head BEGIN SELECT RAISE(ABORT, '{KEPT}'); END",
)
POSTGRESQL = (
    """CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation'; END $$""",
    f"""CREATE TRIGGER audit_lines_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_lines
        FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse('{REFUSED}')""",
    f"""CREATE TRIGGER audit_head_lasts BEFORE DELETE OR TRUNCATE ON audit_head
        FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse('{KEPT}')""",
)


def upgrade() -> None:
    op.add_column("members", sa.Column("disabled_at", sa.DateTime(timezone=True)))
    op.create_table(
        "audit_lines",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("what", sa.String(40), nullable=False),
        sa.Column("who", sa.String(255), nullable=False),
        sa.Column("via", sa.String(20), nullable=False),
        sa.Column("about", sa.String(100), nullable=False),
        sa.Column("account", sa.String(63)),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("key", sa.String(26)),
        sa.Column("sealed", sa.Text()),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_lines"),
    )
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("seal", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
        sa.CheckConstraint("id = 1", name="ck_audit_head_one"),
    )
    op.bulk_insert(head, [{"id": 1, "count": 0, "hash": NOTHING, "seal": None}])
    op.create_table(
        "audit_keys",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("owner", sa.String(100), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_keys"),
    )
    op.create_index("ix_audit_keys_owner", "audit_keys", ["owner"])
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)
