"""The schema, from numbered files. Each statement may run twice, so an interrupted migration is run again."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from store.client import Client
from tidings.errors import ConfigError

SCHEMA = Path(__file__).resolve().parent / "schema"
_TABLE = """CREATE TABLE IF NOT EXISTS schema_migrations
(number UInt32, name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
ENGINE = ReplacingMergeTree ORDER BY number"""


@dataclass(frozen=True)
class Migration:
    """One schema file."""

    number: int
    name: str
    checksum: str
    statements: tuple[str, ...]


def read_migrations(folder: Path = SCHEMA) -> list[Migration]:
    """The files NNN_name.sql of `folder` in order."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        statements = tuple(part.strip() for part in text.split(";\n") if part.strip())
        checksum = hashlib.sha256(text.encode()).hexdigest()
        found.append(Migration(int(path.stem.split("_")[0]), path.stem, checksum, statements))
    return found


def migrate(client: Client, folder: Path = SCHEMA) -> list[str]:
    """Applies what is missing or changed; returns the names applied. Refuses a schema newer than this code."""
    migrations = read_migrations(folder)
    client.execute(_TABLE)
    rows = client.query("SELECT number, checksum FROM schema_migrations FINAL ORDER BY number")
    applied = {int(number): checksum for number, checksum in rows}
    newest = max((m.number for m in migrations), default=0)
    if applied and max(applied) > newest:
        raise ConfigError(
            f"the store's schema is version {max(applied)}, this Tidings knows {newest}: upgrade Tidings,"
            " or use another store.folder or store.database"
        )
    done = []
    for migration in migrations:
        if applied.get(migration.number) != migration.checksum:
            for statement in migration.statements:
                client.execute(statement)
            row = (migration.number, migration.name, migration.checksum)
            client.insert("schema_migrations", ("number", "name", "checksum"), [row])
            done.append(migration.name)
    return done
