"""The dashboard 'Tidings: alerts': open ones, history, time to acknowledge, and how much of the budget is used."""

from collections.abc import Mapping

from grafana_foundation_sdk.builders.dashboard import Dashboard, TextBoxVariable
from grafana_foundation_sdk.models.dashboard import VariableOption

from dashboards import panels, parts

_IN_PERIOD = "fired_at IS NOT NULL AND $__timeFilter(fired_at)"
_ACKNOWLEDGED = "dateDiff('second', assumeNotNull(fired_at), assumeNotNull(acknowledged_at))"
_LASTED = "dateDiff('second', assumeNotNull(fired_at), assumeNotNull(resolved_at))"

_OPEN = f"""SELECT started_at, severity, state, rule, scope, key, value, expected, stories, sources, acknowledged_by,
  JSONExtractString(annotations, 'dashboard') AS dashboard, {parts.ALERT_DRILL} AS drill
FROM alerts
WHERE state != 'resolved'
ORDER BY indexOf(['info', 'warning', 'critical'], severity) DESC, started_at DESC
LIMIT 200"""

_HISTORY = f"""SELECT fired_at, resolved_at,
  dateDiff('second', assumeNotNull(fired_at), ifNull(resolved_at, $__toTime)) AS lasted,
  severity, rule, key, value, expected, acknowledged_by,
  if(acknowledged_at IS NULL, NULL, {_ACKNOWLEDGED}) AS acknowledged_after, {parts.ALERT_DRILL} AS drill
FROM alerts
WHERE {_IN_PERIOD}
ORDER BY fired_at DESC
LIMIT 500"""

_BY_RULE = f"""SELECT rule, count() AS fired, countIf(acknowledged_at IS NOT NULL) AS acknowledged,
  if(acknowledged = 0, NULL, quantileExactIf(0.5)({_ACKNOWLEDGED}, acknowledged_at IS NOT NULL)) AS half_within,
  if(acknowledged = 0, NULL, quantileExactIf(0.9)({_ACKNOWLEDGED}, acknowledged_at IS NOT NULL)) AS nine_of_ten_within
FROM alerts
WHERE {_IN_PERIOD}
GROUP BY rule
ORDER BY fired DESC, rule"""

_FIRED = f"""SELECT $__timeInterval(fired) AS time, rule, count() AS n
FROM (SELECT rule, assumeNotNull(fired_at) AS fired FROM alerts WHERE {_IN_PERIOD})
GROUP BY time, rule
ORDER BY time, rule"""

_NOTIFICATIONS = """SELECT receiver, countIf(state = 'sent') AS sent, countIf(state = 'waiting') AS waiting,
  countIf(state = 'failed') AS failed, countIf(state = 'dropped') AS dropped,
  quantileExactIf(0.5)(dateDiff('millisecond', created_at, assumeNotNull(sent_at)) / 1000, sent_at IS NOT NULL)
    AS half_within,
  argMax(error, created_at) AS last_error
FROM notifications
WHERE $__timeFilter(created_at)
GROUP BY receiver
ORDER BY receiver"""

_SILENCES = """SELECT ends_at, matchers, author, reason
FROM silences
WHERE in_force
ORDER BY ends_at"""


def alerting(budgets: Mapping[str, float]) -> Dashboard:
    """Alerts; `budgets` has the false alarms a week of the rules that have a budget."""
    otherwise = VariableOption(text="1", value="1")
    board = parts.start(
        "tidings-alerts",
        "Tidings: alerts",
        "Open alerts, history, time to acknowledge, false-alarm budgets, notifications and silences. UTC.",
        period="now-7d",
    )
    board = board.with_variable(
        TextBoxVariable("budget")
        .label("Budget where a rule has none")
        .description("False alarms a week, for rules that say p_below or a level instead of a budget.")
        .default_value("1")
        .current(otherwise)
    )
    return _notified(_tables(_numbers(board), budgets))


def budget_sql(budgets: Mapping[str, float]) -> str:
    """Alarms of the seven days before the period's end, per rule, and how much of its budget that is."""
    default = "toFloat64OrZero(${budget:singlequote})"
    if budgets:
        names = ", ".join(quoted(name) for name in budgets)
        amounts = ", ".join(f"{float(amount)!r}" for amount in budgets.values())
        default = f"transform(CAST(rule AS String), [{names}], [{amounts}], {default})"
    return (
        f"SELECT rule, count() AS fired, {default} AS budget, if(budget = 0, NULL, fired / budget) AS used\n"
        "FROM alerts\n"
        "WHERE fired_at > $__toTime - INTERVAL 7 DAY AND fired_at <= $__toTime\n"
        "GROUP BY rule\nORDER BY used DESC, rule"
    )


def quoted(text: str) -> str:
    """A ClickHouse string. A dollar is written as a code, so that Grafana sees no variable in it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("$", "\\x24") + "'"


def _numbers(board: Dashboard) -> Dashboard:
    def count(condition: str, name: str) -> str:
        return f"SELECT count() AS {name}\nFROM alerts\nWHERE {condition}"

    soon = f"""SELECT if(count() = 0, NULL, quantileExact(0.5)({_ACKNOWLEDGED})) AS half_within
FROM alerts
WHERE {_IN_PERIOD} AND acknowledged_at IS NOT NULL"""
    lasted = f"""SELECT if(count() = 0, NULL, quantileExact(0.5)({_LASTED})) AS half_within
FROM alerts
WHERE {_IN_PERIOD} AND resolved_at IS NOT NULL"""
    unseen = "state = 'firing' AND acknowledged_at IS NULL"
    red = panels.BAD_ABOVE_0
    return (
        board.with_panel(
            panels.number(
                "Firing", "Now, whatever the period.", count("state = 'firing'", "firing"), steps=red
            )
        )
        .with_panel(
            panels.number(
                "Nobody has seen", "Firing, and not acknowledged.", count(unseen, "unseen"), steps=red
            )
        )
        .with_panel(panels.number("Pending", "Waiting for `for`.", count("state = 'pending'", "pending")))
        .with_panel(panels.number("Fired", "In the period.", count(_IN_PERIOD, "fired")))
        .with_panel(
            panels.number(
                "Time to acknowledge",
                "Median over those acknowledged.",
                soon,
                unit="s",
                empty="none acknowledged",
            )
        )
        .with_panel(
            panels.number(
                "Time to resolve", "Median over those resolved.", lasted, unit="s", empty="none resolved"
            )
        )
    )


def _tables(board: Dashboard, budgets: Mapping[str, float]) -> Dashboard:
    figures = {"value": panels.column(decimals=1), "expected": panels.column(decimals=2)}
    saw = {"key": panels.link("What it saw", parts.drill_link()), "drill": panels.hidden()}
    used = "Every alert of the seven days before the period's end counts, true ones too: at most so much was used."
    return (
        board.with_panel(
            panels.rows(
                "Open alerts",
                "The most severe first. The key leads to what it saw, dashboard to the link that notifications carry.",
                _OPEN,
                {**figures, **saw, "dashboard": panels.link("Open the dashboard", elsewhere=True)},
            )
        )
        .with_panel(panels.bars("Fired, by rule", "Alerts that began to fire.", _FIRED, "rule", every="1h"))
        .with_panel(
            panels.rows(
                "False-alarm budget used",
                used,
                budget_sql(budgets),
                {"used": panels.column("percentunit", 0)},
                width=12,
                height=8,
            )
        )
        .with_panel(
            panels.rows(
                "History",
                "Alerts that fired in the period.",
                _HISTORY,
                {**figures, **saw, "lasted": panels.column("s"), "acknowledged_after": panels.column("s")},
            )
        )
    )


def _notified(board: Dashboard) -> Dashboard:
    seconds = {name: panels.column("s") for name in ("half_within", "nine_of_ten_within")}
    return (
        board.with_panel(
            panels.rows(
                "Time to acknowledge, by rule",
                "Of alerts that fired in the period.",
                _BY_RULE,
                seconds,
                width=12,
                height=8,
            )
        )
        .with_panel(
            panels.rows(
                "Notifications",
                "Messages made in the period; half were sent within so long.",
                _NOTIFICATIONS,
                {"half_within": panels.column("s")},
                width=12,
                height=8,
            )
        )
        .with_panel(panels.rows("Silences in force", "Alerts that tell nobody now.", _SILENCES, height=6))
    )
