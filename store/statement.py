"""Which statements only read. Pure."""

import re

from tidings.errors import ConfigError

# Literals and comments, so that what stands inside them is not taken for SQL.
QUOTED = re.compile(
    r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|`(?:[^`\\]|\\.)*`|--[^\n]*|/\*.*?\*/", re.DOTALL
)
_FIRST = {"select", "with", "show", "describe", "desc", "explain", "exists"}


def require_read_only(sql: str) -> None:
    """Raises ConfigError unless `sql` is one statement that reads and writes no file."""
    bare = QUOTED.sub(" ", sql).strip().rstrip(";").strip()
    words = re.findall(r"[a-z_]+", bare.lower())
    if ";" in bare:
        raise ConfigError("one statement at a time, please: this holds a `;`")
    if not words or words[0] not in _FIRST or "outfile" in words or "insert" in words[:3]:
        raise ConfigError(
            "only statements that read are allowed: SELECT, WITH, SHOW, DESCRIBE, EXPLAIN, EXISTS"
        )
