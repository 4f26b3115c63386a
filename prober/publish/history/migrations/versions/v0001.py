"""The first tables: grids, slots, gaps, runs, steps, tallies, causes, revisions, notes, notifications."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TAKEN = sa.text("state = 'taken'")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "grids",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("interval_seconds", sa.Float, nullable=False),
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("accounted", sa.BigInteger, nullable=False),
        sa.Column("skipped", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("pruned", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("closed", sa.Boolean, nullable=False),
        sa.UniqueConstraint("chain", "location", "interval_seconds"),
    )
    op.create_table(
        "slots",
        sa.Column("grid", sa.Integer, sa.ForeignKey("grids.id"), primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("due", sa.Float, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("instance", sa.Text, nullable=False),
        sa.Column("expires", sa.Float, nullable=False),
        sa.Column("run", sa.Text),
        sa.Column("late", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sqlite_with_rowid=False,
    )
    op.create_index("slots_taken", "slots", ["state", "expires"], sqlite_where=_TAKEN, postgresql_where=_TAKEN)
    op.create_table(
        "gaps",
        sa.Column("grid", sa.Integer, sa.ForeignKey("grids.id"), primary_key=True),
        sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("trigger", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("began", sa.Float, nullable=False),
        sa.Column("ended", sa.Float, nullable=False),
        sa.Column("revision", sa.Text, nullable=False),
        sa.Column("sample", sa.Boolean),
        sa.Column("late", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("written", sa.Float, nullable=False),
        sa.Column("recall", sa.LargeBinary, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("bytes", sa.Integer, nullable=False),
    )
    op.create_index("runs_by_chain", "runs", ["chain", "ended"])
    op.create_index("runs_by_chain_and_verdict", "runs", ["chain", "verdict", "ended"])
    op.create_index("runs_by_verdict", "runs", ["verdict", "ended"])
    op.create_index("runs_by_end", "runs", ["ended", "bytes"])
    op.create_index("runs_as_written", "runs", ["location", "written"])
    op.create_table(
        "steps",
        sa.Column("run", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("began", sa.Float, nullable=False),
        sa.Column("duration_seconds", sa.Float),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tallies",
        sa.Column("chain", sa.Text, primary_key=True),
        sa.Column("half_hour", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("step", sa.Text, primary_key=True),
        sa.Column("verdict", sa.Text, primary_key=True),
        sa.Column("speed", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("looks", sa.Integer, nullable=False),
        sa.Column("longest_seconds", sa.Float),
        sqlite_with_rowid=False,
    )
    op.create_index("tallies_by_time", "tallies", ["half_hour"])
    op.create_table(
        "causes",
        sa.Column("run", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("cause", sa.Text, primary_key=True),
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("confidence", sa.Text, nullable=False),
        sa.Column("ended", sa.Float, nullable=False),
    )
    op.create_index("causes_by_time", "causes", ["chain", "ended", "cause"])
    op.create_table(
        "revisions",
        sa.Column("location", sa.Text, primary_key=True),
        sa.Column("service", sa.Text, primary_key=True),
        sa.Column("first_seen", sa.Float, primary_key=True),
        sa.Column("revision", sa.Text, nullable=False),
        sa.Column("last_seen", sa.Float, nullable=False),
    )
    op.create_table(
        "notes",
        sa.Column("location", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_table(
        "notifications",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("key", sa.String(400), nullable=False, unique=True),
        sa.Column("thread", sa.String(400), nullable=False),
        sa.Column("receiver", sa.String(63), nullable=False),
        sa.Column("notice", sa.Text, nullable=False),
        sa.Column("posted", sa.Float, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("next_try", sa.Float, nullable=False),
        sa.Column("over_at", sa.Float, nullable=True),
    )
    for column in ("thread", "next_try", "over_at"):
        op.create_index(f"ix_notifications_{column}", "notifications", [column])
