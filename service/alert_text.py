"""An alert's figures, and who was told of it, as lines for the command line. Pure."""

from collections.abc import Sequence

from alerts.evidence_sql import sql_of
from alerts.receivers.telling import began, firmness
from alerts.receivers.words import one_line, say_measure
from tidings.types import Acknowledgement, Alert, Notification


def entry(alert: Alert, seen: Acknowledgement | None) -> tuple[str, str]:
    """An alert in two lines that fit 80 columns unless names are long: what and when; its figures, and its id."""
    by = f"; seen by {one_line(seen.author)}" if seen else ""
    on = one_line(alert.key) or alert.scope
    return (
        f"{alert.state:<8} {alert.started_at:%Y-%m-%d %H:%M} {alert.severity:<8} {alert.rule} on {on}{by}",
        f"    {say_measure(alert.measured.measure, alert.value)} {alert.measured.measure},"
        f" expected {say_measure(alert.measured.measure, alert.expected)}  {alert.alert_id}",
    )


def figures(alert: Alert) -> list[str]:
    """What was measured, against what is usual."""
    measured = alert.measured
    lines = [
        f"{measured.measure} {alert.value:.1f}, expected {alert.expected:.2f}"
        + (f" (usual {measured.lower:g} to {measured.upper:g})" if measured.upper > measured.lower else "")
        + f", p {alert.p_value:.2g}"
        + (f" (fires below {measured.threshold:.2g})" if measured.threshold else "")
    ]
    if measured.share is not None:
        usual = f", usual {measured.share_expected:.0%}" if measured.share_expected is not None else ""
        odds = f", p {measured.share_p_value:.2g}" if measured.share_p_value is not None else ""
        lines.append(f"negative share {measured.share:.0%}{usual}{odds}")
    if measured.headline_share is not None:
        lines.append(
            f"what the headlines of {measured.headline_share:.0%} of the bad news were about before it fired"
        )
    if measured.stories or measured.sources:
        lines.append(f"stories {measured.stories}, sources {measured.sources}")
    lines += [said for said in (firmness(alert), f"Began {began(alert)}" if began(alert) else "") if said]
    return lines + [f"{name}: {text}" for name, text in alert.annotations.items()]


def same_in_sql(alert: Alert) -> list[str]:
    """How to get the alert's value again."""
    sql = sql_of(alert)
    if not sql:
        return []
    return ["The same figure in SQL, for `tidings sql`:", *(f"  {line}" for line in sql.split("\n"))]


def telling(alert: Alert, notes: Sequence[Notification], seen: Sequence[Acknowledgement]) -> list[str]:
    """Who has seen the alert, and each notification about it: to whom, why, what became of it."""
    lines = []
    for one in seen:
        until = f", snoozed until {one.snoozed_until:%Y-%m-%d %H:%M}" if one.snoozed_until else ""
        note = f": {one.note}" if one.note else ""
        lines.append(f"seen by {one.author} at {one.acknowledged_at:%Y-%m-%d %H:%M}{until}{note}")
    for note_ in notes:
        others = len(note_.alerts) - 1
        about = f" with {others} other{'s' if others != 1 else ''}" if others else ""
        lines.append(
            f"{note_.receiver}: {note_.reason}{about}, made {note_.created_at:%Y-%m-%d %H:%M:%S}, {_fate(note_)}"
        )
    if not notes and alert.state != "pending":
        lines.append("nobody was told")
    return lines


def _fate(note: Notification) -> str:
    tried = f" after {note.attempts} tries" if note.attempts > 1 else ""
    if note.state == "sent" and note.sent_at:
        return f"sent {note.sent_at:%H:%M:%S}{tried}"
    again = f", again at {note.next_attempt_at:%H:%M:%S}" if note.next_attempt_at else ""
    return f"{note.state}{tried}{again}" + (f" ({note.error})" if note.error else "")
