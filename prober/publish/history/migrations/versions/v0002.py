"""Notes know when they were noted, so that one that comes late does not undo a newer one, and old ones can go."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_NOW = {
    "sqlite": "(julianday('now') - 2440587.5) * 86400",
    "postgresql": "extract(epoch FROM clock_timestamp())",
}


def upgrade() -> None:
    """Those that are there count as noted now."""
    op.add_column("notes", sa.Column("noted", sa.Float, nullable=False, server_default=sa.text("0")))
    notes = sa.table("notes", sa.column("noted"))
    op.execute(notes.update().values(noted=sa.literal_column(_NOW[op.get_bind().dialect.name])))
