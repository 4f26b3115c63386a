"""How the tables came to be: one file a version, applied in one transaction when a store is opened.

A new file gets today's tables at once, for to import alembic takes a tenth of a start and 10 MiB.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, inspect, select

from prober.model.errors import StoreNotOurs
from prober.publish.history.tables import metadata

if TYPE_CHECKING:
    from alembic.config import Config

_HERE = Path(__file__).parent

#: Where alembic writes down which version the tables are of.
_STAMPS = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def migrate(connection: Connection) -> None:
    """Bring the store behind `connection`, within its transaction, to today's tables; raises StoreNotOurs."""
    version = _version(connection)
    if version is None and connection.dialect.name == "sqlite":
        _make(connection)
    elif version != versions()[-1]:
        _upgrade(connection)


def _make(connection: Connection) -> None:
    """What all versions, one after the other, come to in a file."""
    metadata.create_all(connection, checkfirst=False)
    _STAMPS.create(connection, checkfirst=True)
    connection.execute(_STAMPS.insert().values(version_num=versions()[-1]))


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - see above

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def is_old(connection: Connection) -> bool:
    """Whether the store has tables of an older version; raises StoreNotOurs where they are of a newer one."""
    return _version(connection) not in (None, versions()[-1])


def versions() -> Sequence[str]:
    """Those that we know, by the names of their files, the oldest first."""
    return sorted(path.stem.removeprefix("v") for path in (_HERE / "versions").glob("v*.py"))


def _version(connection: Connection) -> str | None:
    """That of the tables; None: there are none. Raises StoreNotOurs for one that we do not know."""
    if not inspect(connection).has_table(_STAMPS.name):
        return None
    version: str | None = connection.scalar(select(_STAMPS.c.version_num))
    if version is not None and version not in versions():
        raise StoreNotOurs.newer()
    return version


def _config() -> "Config":
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(_HERE))
    return config
