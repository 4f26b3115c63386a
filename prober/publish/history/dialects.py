"""What SQLite and PostgreSQL say in words of their own."""

from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any

from sqlalchemy import Dialect, Table, literal_column

#: Unix seconds by the store's clock.
NOW: Mapping[str, Any] = {
    "sqlite": literal_column("(julianday('now') - 2440587.5) * 86400"),
    "postgresql": literal_column("extract(epoch FROM clock_timestamp())"),
}

#: More than one process has engines of.
DIALECTS = 16


def insert(dialect: Dialect, table: Table) -> Any:  # noqa: ANN401 - the dialect's own INSERT
    """An INSERT that can say ON CONFLICT, which both write alike."""
    return import_module(f"sqlalchemy.dialects.{dialect.name}").insert(table)  # that which is in use, and no other


@lru_cache(DIALECTS * 8)
def plain(dialect: Dialect, table: Table) -> str:
    """An INSERT of a value for each column, in their order, as the driver takes it."""
    return str(table.insert().compile(dialect=dialect))
