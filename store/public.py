"""Which names of the schema are for whoever may ask, the views, and which are not: the tables beneath."""

import re

from store.migrate import BOOK, read_migrations

_VIEW = re.compile(r"^CREATE OR REPLACE VIEW (\w+)", re.MULTILINE)
_TABLE = re.compile(r"^CREATE (?:TABLE|MATERIALIZED VIEW) IF NOT EXISTS (\w+)", re.MULTILINE)


def public_views() -> list[str]:
    """The views: what they show is read with their definer's rights (schema 009)."""
    return sorted(set(_VIEW.findall(_schema())))


def hidden_tables() -> frozenset[str]:
    """Every table that the schema has or had, and what feeds one from another."""
    return frozenset(_TABLE.findall(_schema()))


def _schema() -> str:
    return "\n".join([*BOOK, *(sql for migration in read_migrations() for sql in migration.statements)])
