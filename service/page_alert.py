"""What stands around an alert: who was told, why nobody is told now, who has seen it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from alerts.matching import labels_of, matches
from alerts.routing import Policy, Situation, quieted
from dashboards.page import reads_told
from dashboards.page.reads_told import Delivery
from store import outbox
from store.pages import alert_by_id, alerts_page
from store.reader import Reader
from tidings.quiet import Quiet
from tidings.types import Acknowledgement, Alert, Silence

_MOST_FIRING = 500
Nobody = Literal["", "pending", "off", "yet"]


@dataclass(frozen=True, slots=True)
class Known:
    """An alert, who has seen it, the messages about it, and why it is not told now; `nobody`: why there are none."""

    alert: Alert
    seen: Acknowledgement | None
    deliveries: tuple[Delivery, ...]
    quiet: tuple[Quiet, ...]
    nobody: Nobody


def read_alert(
    reader: Reader, alert_id: str, policy: Policy, receivers: Sequence[str], now: datetime
) -> Known | None:
    """None when there is no such alert; `receivers` are those of the settings, `now` is the wall's time."""
    alert = alert_by_id(reader, alert_id)
    if alert is None:
        return None
    seen = reads_told.acknowledgements(reader, [alert_id]).get(alert_id)
    told = reads_told.deliveries(reader, alert_id)
    silences = outbox.silences(reader, now)
    firing = alerts_page(reader, _MOST_FIRING, filters={"state": "firing"}) if policy.inhibitions else ()
    reasons = quiet(alert, seen, silences, firing, policy, receivers, now)
    nobody: Nobody = "pending" if alert.state == "pending" else "yet" if receivers else "off"
    return Known(alert, seen, tuple(told), tuple(reasons), "" if told else nobody)


def quiet(
    alert: Alert,
    seen: Acknowledgement | None,
    silences: Sequence[Silence],
    firing: Sequence[Alert],
    policy: Policy,
    receivers: Sequence[str],
    now: datetime,
) -> list[Quiet]:
    """Why a firing alert is not told now, as alerts.routing decides it; nothing is said of one that does not fire."""
    if alert.state != "firing":
        return []
    known = {one.alert_id: one for one in (*firing, alert)}
    situation = Situation(list(known.values()), (), silences, [seen] if seen else [])
    found = quieted(situation, policy, now).get(alert.alert_id, [])
    for time in policy.mute_times:
        muted = [name for name in receivers if matches(time.matchers, labels_of(alert, name))]
        if muted and time.covers(now):
            found.append(Quiet("muted", ", ".join(muted), why=time.text))
    return found
