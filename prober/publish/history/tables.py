"""The tables of the store; how they come to be and change is told in migrations/. Times are Unix seconds.

Where an index of PostgreSQL is partial, as that of SQLite, only the versions say: here it would load its dialect.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from prober.publish.notify import outbox_sql

metadata = MetaData()

#: A grid: the slots `first` … `accounted` are in the books, but for `skipped` that never existed, as the grid was
#: closed then, and `pruned` that were in the books and have grown too old.
grids = Table(
    "grids",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("chain", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("interval_seconds", Float, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("accounted", BigInteger, nullable=False),
    Column("skipped", BigInteger, nullable=False, server_default=text("0")),
    Column("pruned", BigInteger, nullable=False, server_default=text("0")),
    Column("closed", Boolean, nullable=False),
    UniqueConstraint("chain", "location", "interval_seconds"),
)

#: One slot somebody took, or that was missed by itself. state: taken, recorded, missed.
slots = Table(
    "slots",
    metadata,
    Column("grid", ForeignKey("grids.id"), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("due", Float, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("instance", Text, nullable=False),
    Column("expires", Float, nullable=False),
    Column("run", Text),
    Column("late", Boolean, nullable=False, server_default=text("false")),
    Index("slots_taken", "state", "expires", sqlite_where=text("state = 'taken'")),
    sqlite_with_rowid=False,  # counted by range: without, each row would be looked up on its own
)

#: Slots missed in a row: `first` … `last`, both included.
gaps = Table(
    "gaps",
    metadata,
    Column("grid", ForeignKey("grids.id"), primary_key=True),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("chain", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("began", Float, nullable=False),
    Column("ended", Float, nullable=False),
    Column("revision", Text, nullable=False),
    Column("sample", Boolean),
    Column("late", Boolean, nullable=False, server_default=text("false")),
    Column("written", Float, nullable=False),  # by the store's clock
    Column("recall", LargeBinary, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("bytes", Integer, nullable=False),  # about the room it takes, with all that hangs on it
    Index("runs_by_chain", "chain", "ended"),
    Index("runs_by_chain_and_verdict", "chain", "verdict", "ended"),
    Index("runs_by_verdict", "verdict", "ended"),
    Index("runs_by_end", "ended", "bytes"),
    Index("runs_as_written", "location", "written"),
)

steps = Table(
    "steps",
    metadata,
    Column("run", ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("chain", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("began", Float, nullable=False),
    Column("duration_seconds", Float),
    sqlite_with_rowid=False,  # the steps of a run lie together
)

#: How often each step came to what, by half hours since the Unix epoch and classes of duration: a week's bars are
#: counted from a twentieth of the rows. Written with the steps, let go with the last run of their half hour.
tallies = Table(
    "tallies",
    metadata,
    Column("chain", Text, primary_key=True),
    Column("half_hour", Integer, primary_key=True, autoincrement=False),
    Column("step", Text, primary_key=True),
    Column("verdict", Text, primary_key=True),
    Column("speed", Integer, primary_key=True, autoincrement=False),
    Column("looks", Integer, nullable=False),
    Column("longest_seconds", Float),
    Index("tallies_by_time", "half_hour"),
    sqlite_with_rowid=False,
)

causes = Table(
    "causes",
    metadata,
    Column("run", ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("cause", Text, primary_key=True),
    Column("chain", Text, nullable=False),
    Column("confidence", Text, nullable=False),
    Column("ended", Float, nullable=False),
    Index("causes_by_time", "chain", "ended", "cause"),
)

#: From when until when a service was seen to be of a revision; one that comes again is there again.
revisions = Table(
    "revisions",
    metadata,
    Column("location", Text, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("first_seen", Float, primary_key=True),
    Column("revision", Text, nullable=False),
    Column("last_seen", Float, nullable=False),
)

#: Letters to whoever is told of alerts.
notifications = outbox_sql.table(metadata)

#: State of ours that a restart must not lose, as JSON.
notes = Table(
    "notes",
    metadata,
    Column("location", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("noted", Float, nullable=False, server_default=text("0")),  # when: a newer one is not overwritten
)

#: What was asked for over HTTP, as JSON, and what became of it. state: waiting, running, done, aborted.
intents = Table(
    "intents",
    metadata,
    Column("id", Text, primary_key=True),  # of the run or gate
    Column("location", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Column("wanted", Text, nullable=False),
    Column("asked", Float, nullable=False),
    Column("state", Text, nullable=False),
    Column("why", Text),  # it was aborted
    Column("instance", Text, nullable=False),  # who sees to it …
    Column("expires", Float, nullable=False),  # … and when it is taken for dead if it has not said otherwise
    Column("ended", Float),
    Column("told", LargeBinary),  # what a gate came to, packed
    Index("intents_open", "location", sqlite_where=text("ended IS NULL")),
    Index("intents_by_time", "asked"),
)

#: What operators have stopped, for all who share the store, wherever they look from; never let go for its age.
pauses = Table(
    "pauses",
    metadata,
    Column("service", Text, primary_key=True),  # `*`: everything
    Column("reason", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Column("since", Float, nullable=False),
    Column("until", Float),  # null: until somebody lifts it
    Column("places", Text, nullable=False),  # its hosts and ports so far, as JSON
)

#: Which caller has asked for what under which name of its own.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("caller", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("wanted", Text, nullable=False),
    Column("intent", Text, nullable=False),
    Column("used", Float, nullable=False),
)
