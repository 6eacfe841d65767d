"""The one alert that Tidings raises about itself: counts that do not agree. Pure."""

from datetime import UTC, datetime

from alerts.states import resolve
from tidings.types import Alert

COUNTS = "tidings-counts"  # the fingerprint of this alert; those of rules are 16 hexadecimal digits
_PERIOD_SECONDS = 86_400


def advance_counts(previous: Alert | None, windows: int, offsets: int, now: datetime) -> Alert | None:
    """The alert after a proof that found so many differing windows and unexplained offsets.

    Fires when there is one, is not repeated while it lasts, and resolves when a proof finds nothing. None: there is
    nothing to save.
    """
    if not windows and not offsets:
        return resolve(previous, now) if previous else None
    if previous:
        return None
    return Alert(
        alert_id=f"{COUNTS}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        fingerprint=COUNTS,
        rule="tidings counts",
        scope="all",
        key="",
        severity="critical",
        state="firing",
        value=float(windows + offsets),
        expected=0.0,
        p_value=0.0,
        window_seconds=_PERIOD_SECONDS,
        started_at=now,
        fired_at=now,
        updated_at=now,
        labels={"differing_windows": str(windows), "unexplained_offsets": str(offsets)},
    )
