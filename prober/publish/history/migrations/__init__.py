"""How the tables came to be: one file a version, applied in one transaction when a store is opened."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from prober.model.errors import StoreNotOurs


def migrate(connection: Connection) -> None:
    """Bring the store behind `connection`, within its transaction, to today's tables; raises StoreNotOurs."""
    is_old(connection)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def is_old(connection: Connection) -> bool:
    """Whether the store has tables of an older version; raises StoreNotOurs where they are of a newer one."""
    version = MigrationContext.configure(connection).get_current_revision()
    scripts = ScriptDirectory.from_config(_config())
    if version is not None and version not in {script.revision for script in scripts.walk_revisions()}:
        raise StoreNotOurs.newer()
    return version not in (None, scripts.get_current_head())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config
