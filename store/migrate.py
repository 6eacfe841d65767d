"""The schema, from numbered files. Each statement may run twice, so an interrupted migration goes on where it was."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from store.client import Client, connect
from store.cluster import cluster_statements
from tidings.errors import ConfigError, TidingsError, Unavailable
from tidings.settings import StoreSettings

SCHEMA = Path(__file__).resolve().parent / "schema"
BOOK = (
    """CREATE TABLE IF NOT EXISTS schema_migrations
(number UInt32, name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
ENGINE = ReplacingMergeTree ORDER BY number
COMMENT 'Which schema files were applied whole'""",
    """CREATE TABLE IF NOT EXISTS schema_progress
(number UInt32, checksum String, statements UInt32)
ENGINE = ReplacingMergeTree(statements) ORDER BY (number, checksum)
COMMENT 'How many statements of each schema file were applied'""",
)


@dataclass(frozen=True)
class Migration:
    """One schema file."""

    number: int
    name: str
    checksum: str
    statements: tuple[str, ...]


def read_migrations(folder: Path = SCHEMA) -> list[Migration]:
    """The files NNN_name.sql of `folder` in order; raises ConfigError unless they are 1, 2, 3 … each once."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        statements = tuple(part.strip() for part in text.split(";\n") if part.strip())
        checksum = hashlib.sha256(text.encode()).hexdigest()
        number, _, name = path.stem.partition("_")
        if not number.isdecimal() or not name:
            raise ConfigError(f"{path}: a schema file is named NNN_name.sql")
        found.append(Migration(int(number), path.stem, checksum, statements))
    for expected, migration in enumerate(found, start=1):
        if migration.number != expected:
            raise ConfigError(
                f"{folder}: {migration.name}.sql stands where number {expected:03} belongs; install Tidings again"
            )
    return found


def migrate(client: Client, folder: Path = SCHEMA) -> list[str]:
    """Applies what is missing, and goes on where it was interrupted; returns the names applied.

    Two may run at once: each runs every statement that it began to need, so the last word is always the newest
    schema's, and what one cannot run because the other has finished is not an error. Raises ConfigError for a
    schema newer than this code and for a file that was changed after it was applied.
    """
    migrations = read_migrations(folder)
    for statement in BOOK:
        client.execute(statement)
    applied = _applied(client)
    _require_known(applied, migrations)
    progress = _progress(client)
    done = []
    for migration in migrations:
        if migration.number in applied:
            continue
        begun = progress.get((migration.number, migration.checksum), 0)
        for at, statement in enumerate(migration.statements[begun:], start=begun + 1):
            _run(client, migration, at, statement)
        row = (migration.number, migration.name, migration.checksum)
        client.insert("schema_migrations", ("number", "name", "checksum"), [row])
        done.append(migration.name)
    return done


def pending(settings: StoreSettings, folder: Path = SCHEMA) -> list[Migration]:
    """What `migrate` would apply; looks at the store and changes nothing, not even a missing database."""
    migrations = read_migrations(folder)
    if settings.backend == "embedded" and not settings.folder.exists():
        return migrations
    client = connect(settings, create=False)
    try:
        ((known,),) = client.query(
            "SELECT count() FROM system.tables WHERE database = {database:String} AND name = 'schema_migrations'",
            {"database": settings.database},
        )
        applied = _applied(client, f"{settings.database}.schema_migrations") if known else {}
    finally:
        client.close()
    _require_known(applied, migrations)
    return [migration for migration in migrations if migration.number not in applied]


def preview(migrations: list[Migration], cluster: str, database: str) -> str:
    """The statements as SQL to read, or to run by hand; for a cluster as it would get them."""
    parts = []
    for migration in migrations:
        parts.append(f"-- {migration.name}")
        for statement in migration.statements:
            each = cluster_statements(statement, cluster, database) if cluster else [statement]
            parts.extend(f"{one};" for one in each)
    return "\n\n".join(parts)


def _run(client: Client, migration: Migration, at: int, statement: str) -> None:
    try:
        client.execute(statement)
    except Unavailable:
        raise
    except TidingsError:
        # Another migrator is ahead, and has dropped what this statement reads.
        if _progress(client).get((migration.number, migration.checksum), 0) >= at:
            return
        raise
    client.insert(
        "schema_progress", ("number", "checksum", "statements"), [(migration.number, migration.checksum, at)]
    )


def _applied(client: Client, table: str = "schema_migrations") -> dict[int, str]:
    rows = client.query(f"SELECT number, argMax(checksum, applied_at) FROM {table} GROUP BY number")
    return {int(number): checksum for number, checksum in rows}


def _progress(client: Client) -> dict[tuple[int, str], int]:
    rows = client.query(
        "SELECT number, checksum, max(statements) FROM schema_progress GROUP BY number, checksum"
    )
    return {(int(number), checksum): int(statements) for number, checksum, statements in rows}


def _require_known(applied: dict[int, str], migrations: list[Migration]) -> None:
    newest = len(migrations)
    if applied and max(applied) > newest:
        raise ConfigError(
            f"the store's schema is version {max(applied)}, this Tidings knows {newest}: upgrade Tidings,"
            " or use another store.folder or store.database"
        )
    for migration in migrations:
        if applied.get(migration.number, migration.checksum) != migration.checksum:
            raise ConfigError(
                f"{migration.name}.sql is not the file that this store was made with: put the released file back"
                " (changes belong in a new file), or use another store.folder or store.database"
            )
