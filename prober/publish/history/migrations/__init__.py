"""How the tables came to be: one file a version, applied in one transaction when a store is opened.

Only who has tables to make imports alembic: nearly every start finds those of today, and it is a tenth of a start.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from prober.model.errors import StoreNotOurs

if TYPE_CHECKING:
    from alembic.config import Config

_HERE = Path(__file__).parent


def migrate(connection: Connection) -> None:
    """Bring the store behind `connection`, within its transaction, to today's tables; raises StoreNotOurs."""
    if _version(connection) == versions()[-1]:
        return
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
    """Where alembic writes it down; None: there are no tables. Raises StoreNotOurs for one that we do not know."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    if version is not None and version not in versions():
        raise StoreNotOurs.newer()
    return version


def _config() -> "Config":
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(_HERE))
    return config
