"""What was asked for over HTTP is written down before it is answered, with the keys under which it was asked."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_OPEN = sa.text("ended IS NULL")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "intents",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("wanted", sa.Text, nullable=False),
        sa.Column("asked", sa.Float, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("why", sa.Text),
        sa.Column("instance", sa.Text, nullable=False),
        sa.Column("expires", sa.Float, nullable=False),
        sa.Column("ended", sa.Float),
        sa.Column("told", sa.LargeBinary),
    )
    op.create_index("intents_open", "intents", ["location"], sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_index("intents_by_time", "intents", ["asked"])
    op.create_table(
        "idempotency_keys",
        sa.Column("caller", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("wanted", sa.Text, nullable=False),
        sa.Column("intent", sa.Text, nullable=False),
        sa.Column("used", sa.Float, nullable=False),
    )
