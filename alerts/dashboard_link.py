"""Where the dashboard shows what an alert saw. Pure."""

from datetime import timedelta
from urllib.parse import urlencode

from tidings.types import Alert

_BEFORE = 8  # windows shown before the alert's own


def dashboard_link(url: str, alert: Alert) -> str:
    """The link to the overview at `url` around the alert's window, for its topic or name; nothing without a `url`."""
    if not url:
        return ""
    window = timedelta(seconds=alert.window_seconds)
    end = alert.fired_at or alert.started_at
    period = {"from": end - _BEFORE * window, "to": end + window}
    chosen = {name: str(int(moment.timestamp() * 1000)) for name, moment in period.items()}
    topic, _, entity = alert.key.rpartition(" | ")  # topics have that stroke in their own names
    if alert.scope in ("topic", "topic_entity"):
        chosen["var-topic"] = alert.key if alert.scope == "topic" else topic
    if alert.scope in ("entity", "topic_entity"):
        chosen["var-entity"] = alert.key if alert.scope == "entity" else entity
    return f"{url}{'&' if '?' in url else '?'}{urlencode(chosen)}"
