"""What Grafana and grafana-clickhouse-datasource 4 make of a query before ClickHouse sees it.

Written after the plug-in's pkg/macros/macros.go (server side) and its $__conditionalAll, and Grafana's
`singlequote` variable format (browser side). Only what our dashboards use; anything else is an error.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

ALL = ("$__all",)


def expand(
    sql: str,
    start: datetime,
    end: datetime,
    interval_seconds: int,
    variables: Mapping[str, Sequence[str] | str],
) -> str:
    """The query for the period [start, end], one point per interval, with these dashboard variables."""
    sql = _conditional_all(sql, variables)
    sql = re.sub(r"\$\{(\w+):singlequote\}", lambda found: _quoted(variables[found[1]]), sql)
    sql = re.sub(
        r"\$__timeFilter\(([^()]+)\)",
        lambda f: f"{f[1]} >= {_seconds(start)} AND {f[1]} <= {_seconds(end)}",
        sql,
    )
    sql = re.sub(
        r"\$__timeInterval\(([^()]+)\)",
        lambda f: f"toStartOfInterval(toDateTime({f[1]}), INTERVAL {max(interval_seconds, 1)} second)",
        sql,
    )
    if "$" in sql:
        raise ValueError(f"a macro or variable that is not known here: {sql[sql.index('$') :][:40]}")
    return sql


def _seconds(moment: datetime) -> str:
    return f"toDateTime({int(moment.timestamp())})"


def _quoted(value: Sequence[str] | str) -> str:
    values = [value] if isinstance(value, str) else value
    return ",".join("'" + one.replace("'", "\\'") + "'" for one in values)


def _conditional_all(sql: str, variables: Mapping[str, Sequence[str] | str]) -> str:
    """The condition, or 1=1 where the variable is empty or All."""
    name = "$__conditionalAll("
    while name in sql:
        begin = sql.index(name)
        inside = begin + len(name)
        position, depth, comma = inside, 1, -1
        while depth:
            character = sql[position]
            depth += (character == "(") - (character == ")")
            if character == "," and depth == 1:
                comma = position
            position += 1
        value = variables[sql[comma + 1 : position - 1].strip().removeprefix("$")]
        condition = "1=1" if value in ("", ALL, []) else sql[inside:comma]
        sql = sql[:begin] + condition + sql[position:]
    return sql
