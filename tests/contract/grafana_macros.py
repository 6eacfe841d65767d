"""What Grafana and grafana-clickhouse-datasource 4 make of a query before ClickHouse sees it.

Written after the plug-in's pkg/macros/macros.go (server side), its $__conditionalAll and getMacroArgs in
src/data/CHDatasource.ts, and Grafana's `singlequote` format (browser side). An argument of a server-side macro holds
no parentheses here, because its reader does not pair them. Only what our dashboards use; anything else is an error.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

ALL = ("$__all",)
Values = Mapping[str, Sequence[str] | str]


def expand(sql: str, start: datetime, end: datetime, interval_seconds: int, variables: Values) -> str:
    """The query for the period [start, end], one point per interval, with these dashboard variables."""
    sql = _conditional_all(sql, variables)
    sql = re.sub(r"\$\{(\w+):singlequote\}", lambda found: _quoted(variables[found[1]]), sql)
    sql = re.sub(r"\$\{(\w+)\}", lambda found: _plain(variables[found[1]]), sql)
    seconds = max(interval_seconds, 1)
    macros = {
        r"\$__timeFilter\(([^()]+)\)": lambda f: f"{f[1]} >= {_seconds(start)} AND {f[1]} <= {_seconds(end)}",
        r"\$__timeInterval\(([^()]+)\)": lambda f: (
            f"toStartOfInterval(toDateTime({f[1]}), INTERVAL {seconds} second)"
        ),
        r"\$__fromTime\b": lambda _: _seconds(start),
        r"\$__toTime\b": lambda _: _seconds(end),
    }
    for macro, written in macros.items():
        sql = re.sub(macro, written, sql)
    if "$" in sql:
        raise ValueError(f"a macro or variable that is not known here: {sql[sql.index('$') :][:40]}")
    return sql


def _seconds(moment: datetime) -> str:
    return f"toDateTime({int(moment.timestamp())})"


def _quoted(value: Sequence[str] | str) -> str:
    values = [value] if isinstance(value, str) else value
    return ",".join("'" + one.replace("'", "\\'") + "'" for one in values)


def _plain(value: Sequence[str] | str) -> str:
    """Only numbers are written without quotes."""
    if not isinstance(value, str) or not value.isdecimal():
        raise ValueError(f"a variable that is not quoted must be a number: {value!r}")
    return value


def _conditional_all(sql: str, variables: Values) -> str:
    """The condition, or 1=1 where the variable is empty or All; the last one first, as the plug-in does."""
    name = "$__conditionalAll("
    while name in sql:
        begin = sql.rindex(name)
        inside = begin + len(name)
        position, depth, commas = inside, 1, list[int]()
        while depth:
            character = sql[position]
            depth += (character == "(") - (character == ")")
            if character == "," and depth == 1:
                commas.append(position)
            position += 1
        if len(commas) != 1:
            raise ValueError(f"$__conditionalAll takes two arguments: {sql[begin:position]}")
        value = variables[sql[commas[0] + 1 : position - 1].strip().removeprefix("$")]
        condition = "1=1" if value in ("", ALL, []) else sql[inside : commas[0]]
        sql = sql[:begin] + condition + sql[position:]
    return sql
