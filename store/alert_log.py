"""Alerts in the store: every version is kept, the latest one counts."""

import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from store.client import Client
from tidings.types import Alert, Evidence, Filters, Measured, Window, Word

_COLUMNS = (
    "alert_id", "fingerprint", "rule", "scope", "key", "severity", "state", "value", "expected", "p_value",
    "window_seconds", "started_at", "fired_at", "resolved_at", "updated_at", "labels", "evidence", "series",
    "measured", "annotations",
)  # fmt: skip
SELECT_ALERTS = f"SELECT {', '.join(_COLUMNS)} FROM alert_rows FINAL"  # names of our own columns
_ACTIVE = "SELECT alert_id FROM alert_rows FINAL WHERE state != 'resolved'"
# By the time they were written: an alert's own times are stream time where history is replayed.
_ENDED = """
SELECT groupArray(alert_id) FROM alert_rows FINAL
WHERE state = 'resolved' AND version > toUnixTimestamp64Nano(now64(9) - toIntervalDay(30))
"""
_OPEN = f"""
SELECT alert_id
FROM
(
    SELECT receiver, told.1 AS alert_id, groupUniqArray(told.2) AS states
    FROM
    (
        SELECT receiver, arrayJoin(arrayZip(alert_ids, alert_states)) AS told
        FROM notification_log FINAL
        WHERE state != 'dropped' AND receiver IN {{receivers:Array(String)}} AND hasAny(alert_ids, ({_ENDED}))
    )
    GROUP BY receiver, alert_id
)
WHERE NOT has(states, 'resolved')
"""
# The rows, with evidence and charts, are read for these ids only: the table is ordered by them.


def save_alerts(client: Client, alerts: Sequence[Alert]) -> None:
    """Adds these as the latest versions; acknowledged when it returns."""
    client.insert("alert_rows", _COLUMNS, [_row(alert) for alert in alerts])


def active_alerts(client: Client) -> list[Alert]:
    """Alerts that are not resolved."""
    return [
        alert_of(row)
        for row in client.query(
            f"{SELECT_ALERTS} WHERE alert_id IN ({_ACTIVE}) ORDER BY started_at, alert_id"
        )
    ]


def routable_alerts(client: Client, receivers: Sequence[str]) -> list[Alert]:
    """Alerts that are not resolved, and those of whose firing, but not of whose end, some receiver was told.

    Of the latter those that ended in the last 30 days: an end that could not be told until then is let go.
    """
    ids = f"SELECT alert_id FROM ({_ACTIVE} UNION ALL {_OPEN})"
    rows = client.query(
        f"{SELECT_ALERTS} WHERE alert_id IN ({ids}) ORDER BY started_at, alert_id",
        {"receivers": list(receivers)},
    )
    return [alert_of(row) for row in rows]


def alerts_by_id(client: Client, ids: Sequence[str]) -> list[Alert]:
    """Those of these alerts that there are."""
    if not ids:
        return []
    rows = client.query(f"{SELECT_ALERTS} WHERE alert_id IN {{ids:Array(String)}}", {"ids": list(ids)})
    return [alert_of(row) for row in rows]


def alerts_showing(client: Client, ids: Sequence[str]) -> list[Alert]:
    """Alerts whose evidence shows any of these items."""
    rows = client.query(
        f"{SELECT_ALERTS} WHERE"
        " hasAny(JSONExtract(evidence, 'Array(Tuple(item_id String))').item_id, {ids:Array(String)})",
        {"ids": list(ids)},
    )
    return [alert_of(row) for row in rows]


def replace_alerts(client: Client, alerts: Sequence[Alert]) -> None:
    """As save_alerts, and their earlier versions are removed from disk."""
    if not alerts:
        return
    ids = [alert.alert_id for alert in alerts]
    ((latest,),) = client.query(
        "SELECT max(version) FROM alert_rows WHERE alert_id IN {ids:Array(String)}", {"ids": ids}
    )
    save_alerts(client, alerts)
    client.execute(
        "ALTER TABLE alert_rows DELETE WHERE alert_id IN {ids:Array(String)} AND version <= {latest:UInt64}"
        " SETTINGS mutations_sync = 2",
        {"ids": ids, "latest": int(latest)},
    )


def _row(alert: Alert) -> tuple[Any, ...]:
    values = {name: getattr(alert, name) for name in _COLUMNS}
    values["labels"] = json.dumps(alert.labels, ensure_ascii=False)
    values["annotations"] = json.dumps(alert.annotations, ensure_ascii=False)
    for name in ("evidence", "series", "measured"):
        values[name] = json.dumps(values[name], default=_plain, ensure_ascii=False)
    return tuple(values.values())


def alert_of(row: tuple[Any, ...]) -> Alert:
    """The alert in a row of SELECT_ALERTS."""
    values = dict(zip(_COLUMNS, row, strict=True))
    values["labels"] = json.loads(values["labels"])
    values["annotations"] = json.loads(values["annotations"])
    values["measured"] = _measured(json.loads(values["measured"]))
    values["evidence"] = tuple(_evidence(part) for part in json.loads(values["evidence"]))
    values["series"] = tuple(_dated(Window, part, "start") for part in json.loads(values["series"]))
    return Alert(**values)


def _measured(part: dict[str, Any]) -> Measured:
    filters = {name: tuple(chosen) for name, chosen in part.pop("filters", {}).items()}
    part |= {"filters": Filters(**filters)}  # alerts of earlier versions have nothing here
    began = part.pop("began_at", None)
    return Measured(**part, began_at=datetime.fromisoformat(began) if began else None)


def _evidence(part: dict[str, Any]) -> Evidence:
    words = tuple(Word(**word) for word in part.get("words", ()))  # alerts of earlier versions have none
    evidence: Evidence = _dated(Evidence, part | {"words": words}, "published_at")
    return evidence


def _dated(cls: Any, part: dict[str, Any], name: str) -> Any:
    return cls(**part | {name: datetime.fromisoformat(part[name])})


def _plain(value: Any) -> Any:
    """What JSON has no word for: a moment, one of our types. (dataclasses.asdict would copy all of it first.)"""
    if isinstance(value, datetime):
        return value.isoformat()
    return {field.name: getattr(value, field.name) for field in fields(value)}
