"""What `tidings backtest` says: one JSON object for scripts, or tables for a person."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from alerts.backtest_events import Outcome
from service.backtest import Run, Suggestion, only_in
from tidings.types import Alert

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a back-test found: `refused` rows of the file were invalid, `compared` is the second rules file."""

    main: Run
    compared: Run | None = None
    suggestions: tuple[Suggestion, ...] = ()
    refused: int = 0


def as_json(report: Report) -> Json:
    """The documented JSON (docs/backtest.md): alerts, totals, rules, events, suggestions and comparison."""
    found: Json = _run_json(report.main) | {
        "alerts": [_alert_json(alert) for alert in report.main.test.alerts]
    }
    found["totals"]["refused_rows"] = report.refused
    if report.suggestions:
        found["suggestions"] = [asdict(suggestion) for suggestion in report.suggestions]
    if report.compared:
        one, other = report.main, report.compared
        found["comparison"] = _run_json(other) | {
            "only_here": [_alert_json(alert) for alert in only_in(other, one)],
            "only_there": [_alert_json(alert) for alert in only_in(one, other)],
        }
    return found


def print_report(report: Report, console: Console) -> None:
    """Tables: the alerts with their strongest story, events, totals, suggestions, the comparison."""
    _print_alerts(report.main.test.alerts, console)
    if report.main.outcomes:
        _print_outcomes(report.main, report.compared, console)
    _print_totals([run for run in (report.main, report.compared) if run], console)
    if report.refused:
        console.print(f"{report.refused:,} rows are invalid and were left out, as ingest would have done")
    if report.compared:
        _print_difference(report.main, report.compared, console)
    for suggestion in report.suggestions:
        if suggestion.p_below is None or suggestion.alerts_per_week is None:
            console.print(f"{suggestion.rule}: too few peaks, or too short a time, for a suggestion")
        else:
            console.print(
                f"{suggestion.rule}: p_below: {suggestion.p_below:.2g} would have given "
                f"{suggestion.alerts_per_week:.2f} alerts a week"
            )


def _run_json(run: Run) -> Json:
    test = run.test
    by_rule = Counter(alert.rule for alert in test.alerts)
    return {
        "rules_file": run.origin,
        "totals": {
            "from": test.start.isoformat(),
            "to": test.end.isoformat(),
            "items": test.items,
            "weeks": round(test.weeks, 2),
            "alerts": len(test.alerts),
            "alerts_per_week": round(test.alerts_per_week, 3),
            "evaluations": test.evaluations,
            "seconds": round(run.seconds, 2),
            "items_per_second": round(test.items / run.seconds) if run.seconds else None,
            "false_alarms_per_week": _false_alarms(run),
        },
        "rules": [
            {
                "rule": rule.name,
                "alerts": by_rule[rule.name],
                "alerts_per_week": round(by_rule[rule.name] / test.weeks, 3) if test.weeks else 0.0,
            }
            for rule in run.rules
        ],
        "events": [_outcome_json(outcome) for outcome in run.outcomes],
    }


def _false_alarms(run: Run) -> float | None:
    return round(len(run.false_alarms) / run.test.weeks, 3) if run.outcomes and run.test.weeks else None


def _alert_json(alert: Alert) -> Json:
    return {
        "rule": alert.rule,
        "labels": alert.labels,
        "severity": alert.severity,
        "fired_at": _iso(alert.fired_at),
        "resolved_at": _iso(alert.resolved_at),
        "value": alert.value,
        "expected": alert.expected,
        "p_value": alert.p_value,
        "evidence": [
            asdict(story) | {"published_at": story.published_at.isoformat()} for story in alert.evidence
        ],
    }


def _outcome_json(outcome: Outcome) -> Json:
    alert = outcome.alert
    return {
        "name": outcome.event.name,
        "keys": list(outcome.event.keys),
        "from": outcome.event.start.isoformat(),
        "to": outcome.event.end.isoformat(),
        "found": alert is not None,
        "rule": alert.rule if alert else None,
        "key": alert.key if alert else None,
        "fired_at": _iso(alert.fired_at) if alert else None,
        "first_story_at": _iso(outcome.first_story_at),
        "delay_seconds": _seconds(outcome.delay),
        "delay_after_first_story_seconds": _seconds(outcome.delay_after_story),
        "negative_stories_that_day": round(outcome.stories, 2),
    }


def _print_alerts(alerts: Sequence[Alert], console: Console) -> None:
    table = Table("fired", "until", "rule", "key", "value", "expected", "p", "strongest story")
    for alert in alerts:
        story = Text(alert.evidence[0].title if alert.evidence else "", no_wrap=True, overflow="ellipsis")
        until = f"{alert.resolved_at:%m-%d %H:%M}" if alert.resolved_at else ""
        numbers = (f"{alert.value:.1f}", f"{alert.expected:.2f}", f"{alert.p_value:.1e}")
        table.add_row(f"{alert.fired_at:%Y-%m-%d %H:%M}", until, alert.rule, Text(alert.key), *numbers, story)
    console.print(table)


def _print_outcomes(main: Run, compared: Run | None, console: Console) -> None:
    runs = [main, compared] if compared else [main]
    table = Table("event", "from", "stories that day", *(f"found by {run.origin}" for run in runs))
    for at, outcome in enumerate(main.outcomes):
        cells = [_say(run.outcomes[at]) for run in runs]
        table.add_row(
            Text(outcome.event.name), f"{outcome.event.start:%Y-%m-%d}", f"{outcome.stories:.1f}", *cells
        )
    console.print(table)


def _say(outcome: Outcome) -> Text:
    alert, delay = outcome.alert, outcome.delay
    if alert is None or delay is None:
        return Text("missed", "red")
    after = outcome.delay_after_story
    story = f", {_hours(after)} after its first story" if after is not None else ""
    return Text(f"{alert.fired_at:%Y-%m-%d %H:%M} on {alert.key} (after {_hours(delay)}{story})")


def _hours(delay: timedelta) -> str:
    return f"{delay / timedelta(hours=1):.1f} h"


def _print_totals(runs: Sequence[Run], console: Console) -> None:
    table = Table("rules", "items", "weeks", "alerts", "a week", "false a week", "evaluations", "items/s")
    for run in runs:
        test, false = run.test, _false_alarms(run)
        table.add_row(
            Text(run.origin), f"{test.items:,}", f"{test.weeks:.1f}", f"{len(test.alerts):,}",
            f"{test.alerts_per_week:.2f}", "" if false is None else f"{false:.2f}", f"{test.evaluations:,}",
            f"{test.items / max(run.seconds, 1e-9):,.0f}",
        )  # fmt: skip
    console.print(table)


def _print_difference(main: Run, compared: Run, console: Console) -> None:
    for one, other in ((main, compared), (compared, main)):
        alone = only_in(one, other)
        names = ", ".join(f"{alert.key} {alert.fired_at:%Y-%m-%d}" for alert in alone)
        console.print(Text(f"only {one.origin}: {len(alone)} alerts" + (f": {names}" if names else "")))


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _seconds(delay: timedelta | None) -> float | None:
    return delay.total_seconds() if delay is not None else None
