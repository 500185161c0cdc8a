"""Keep in which language somebody asked for a code, until its mail is written."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0037"


def upgrade() -> None:
    op.add_column("sign_in_codes", sa.Column("language", sa.String(20)))
