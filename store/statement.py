"""Which statements only read. Pure."""

import re

from tidings.errors import ConfigError

# Literals and comments, so that what stands inside them is not taken for SQL.
QUOTED = re.compile(
    r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|`(?:[^`\\]|\\.)*`|--[^\n]*|/\*.*?\*/", re.DOTALL
)
_FORMAT = re.compile(r"\bformat\s+(\w+)\s*$", re.IGNORECASE)
_FIRST = {"select", "with", "show", "describe", "desc", "explain", "exists"}


def require_read_only(sql: str) -> None:
    """Raises ConfigError unless `sql` is one statement that reads and writes no file."""
    bare = QUOTED.sub(" ", sql).strip().rstrip(";").strip()
    words = re.findall(r"[a-z_]+", bare.lower())
    if ";" in bare:
        raise ConfigError("one statement at a time, please: this holds a `;`")
    if "outfile" in words:
        raise ConfigError("INTO OUTFILE is not allowed: `tidings sql --output FILE` writes files")
    if not words or words[0] not in _FIRST or "insert" in words[:3]:
        begins = f"; this begins with {words[0].upper()[:40]}" if words else ""
        raise ConfigError(
            f"only statements that read are allowed: SELECT, WITH, SHOW, DESCRIBE, EXPLAIN, EXISTS{begins}"
        )


def split_format(sql: str) -> tuple[str, str]:
    """The statement without the FORMAT clause, the `;` and the comments at its end; and that format, '' for none."""
    # As long as before, so that places are the same in both.
    bare = QUOTED.sub(lambda found: ("x" if found[0][0] in "'\"`" else " ") * len(found[0]), sql)
    bare = bare.rstrip().removesuffix(";").rstrip()
    found = _FORMAT.search(bare)
    return (sql[: found.start()].rstrip(), found[1]) if found else (sql[: len(bare)], "")
