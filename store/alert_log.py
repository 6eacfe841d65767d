"""Alerts in the store: every version is kept, the latest one counts."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from store.client import Client
from tidings.types import Alert, Evidence, Filters, Measured, Window, Word

_COLUMNS = (
    "alert_id", "fingerprint", "rule", "scope", "key", "severity", "state", "value", "expected", "p_value",
    "window_seconds", "started_at", "fired_at", "resolved_at", "updated_at", "labels", "evidence", "series",
    "measured", "annotations",
)  # fmt: skip
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM alert_rows FINAL"  # names of our own columns
_OPEN = """
SELECT alert_id
FROM
(
    SELECT receiver, told.1 AS alert_id, groupUniqArray(told.2) AS states
    FROM
    (
        SELECT receiver, arrayJoin(arrayZip(alert_ids, alert_states)) AS told
        FROM notification_rows FINAL
        WHERE state != 'dropped' AND receiver IN {receivers:Array(String)}
    )
    GROUP BY receiver, alert_id
)
WHERE NOT has(states, 'resolved')
"""


def save_alerts(client: Client, alerts: Sequence[Alert]) -> None:
    """Adds these as the latest versions; acknowledged when it returns."""
    client.insert("alert_rows", _COLUMNS, [_row(alert) for alert in alerts])


def active_alerts(client: Client) -> list[Alert]:
    """Alerts that are not resolved."""
    return [
        _alert(row)
        for row in client.query(f"{_SELECT} WHERE state != 'resolved' ORDER BY started_at, alert_id")
    ]


def routable_alerts(client: Client, receivers: Sequence[str]) -> list[Alert]:
    """Alerts that are not resolved, and those of whose firing, but not of whose end, some receiver was told."""
    rows = client.query(
        f"{_SELECT} WHERE state != 'resolved' OR alert_id IN ({_OPEN}) ORDER BY started_at, alert_id",
        {"receivers": list(receivers)},
    )
    return [_alert(row) for row in rows]


def alerts_by_id(client: Client, ids: Sequence[str]) -> list[Alert]:
    """Those of these alerts that there are."""
    if not ids:
        return []
    rows = client.query(f"{_SELECT} WHERE alert_id IN {{ids:Array(String)}}", {"ids": list(ids)})
    return [_alert(row) for row in rows]


def list_alerts(client: Client, limit: int) -> list[Alert]:
    """The newest alerts first."""
    rows = client.query(
        f"{_SELECT} ORDER BY started_at DESC, alert_id LIMIT {{limit:UInt32}}", {"limit": limit}
    )
    return [_alert(row) for row in rows]


def alerts_showing(client: Client, ids: Sequence[str]) -> list[Alert]:
    """Alerts whose evidence shows any of these items."""
    rows = client.query(
        f"{_SELECT} WHERE hasAny(JSONExtract(evidence, 'Array(Tuple(item_id String))').item_id, {{ids:Array(String)}})",
        {"ids": list(ids)},
    )
    return [_alert(row) for row in rows]


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
    values["measured"] = json.dumps(asdict(alert.measured), default=_iso, ensure_ascii=False)
    for name in ("evidence", "series"):
        values[name] = json.dumps([asdict(part) for part in values[name]], default=_iso, ensure_ascii=False)
    return tuple(values.values())


def _alert(row: tuple[Any, ...]) -> Alert:
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


def _iso(value: datetime) -> str:
    return value.isoformat()
