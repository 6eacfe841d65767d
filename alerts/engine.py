"""The engine: rules over windows at a given `now`, alerts out. The same live, replayed and in a backtest."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from alerts.annotations import render_annotations
from alerts.conditions import CONDITIONS
from alerts.dashboard_link import dashboard_link
from alerts.durations import floor_minute
from alerts.evidence import MOST_STORIES, examined, with_words
from alerts.own import COUNTS
from alerts.protocols import Explain, History, Windows
from alerts.read_once import ReadOnce
from alerts.rule import Rule
from alerts.states import advance, fingerprint_of, is_worse, resolve
from tidings.metrics import ALERTS_FIRED, EVALUATIONS
from tidings.types import Alert

EVIDENCE_STORIES = 5
CHART_BUCKETS = 48
_BUCKETS_PER_WINDOW = 8

_log = logging.getLogger(__name__)


class Engine:
    """Evaluates rules. Active alerts are read from the history each time: a restart repeats or loses none.

    It knows no receivers: who is told of what it saves is the outbox's affair.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        windows: Windows,
        history: History,
        explain: Explain | None = None,
        dashboard_url: str = "",
    ) -> None:
        """Without `explain` evidence comes without the words that moved its scores.

        With `dashboard_url` each alert has an annotation `dashboard`: the link to what it saw.
        """
        self._rules = tuple(rules)
        self._windows = ReadOnce(windows)
        self._history = history
        self._explain = explain
        self._dashboard_url = dashboard_url
        self._last: datetime | None = None
        self._warned = False

    def evaluate(self, now: datetime) -> list[Alert]:
        """Evaluates every rule at `now` (floored to the minute), saves what changed, returns state changes.

        A `now` before the last evaluated one is ignored. If a read fails nothing is saved, and the
        next evaluation makes up for it. An active alert whose rule is gone, or has other labels, resolves.
        """
        now = floor_minute(now)
        active = {a.fingerprint: a for a in self._history.active_alerts()}
        active.pop(COUNTS, None)  # no rule made it, and it lives on wall time
        if self._is_past(now, active.values()):
            return []
        changed: list[tuple[Alert | None, Alert]] = []
        self._windows.begin(now)
        for rule in self._rules:
            named = [a for a in active.values() if a.rule == rule.name]  # first: fingerprints cost more
            mine = [a for a in named if a.fingerprint == fingerprint_of(rule, a.key)]
            previous = {a.key: active.pop(a.fingerprint) for a in mine}
            changed += self._evaluate_rule(rule, previous, now)
        changed += [(alert, resolve(alert, now)) for alert in active.values()]
        if changed:
            self._history.save_alerts([after for _, after in changed])
        self._last = now
        changes = [after for before, after in changed if before is None or before.state != after.state]
        for alert in changes:
            if alert.state == "firing":
                ALERTS_FIRED.labels(alert.rule).inc()
            _log.info("alert %s (%s on %r): %s", alert.alert_id, alert.rule, alert.key, alert.state)
        return changes

    def _evaluate_rule(
        self, rule: Rule, previous: dict[str, Alert], now: datetime
    ) -> list[tuple[Alert | None, Alert]]:
        findings = CONDITIONS[rule.kind](rule, self._windows, now)
        EVALUATIONS.inc()
        if findings is None:
            return []
        changed: list[tuple[Alert | None, Alert]] = []
        for key in sorted(previous.keys() | findings.keys()):
            before = previous.get(key)
            after = advance(before, findings.get(key), rule, key, now)
            if after is None or after is before:
                continue
            fires = after.state == "firing"
            if fires and (before is None or before.state != "firing" or is_worse(after, before)):
                after = self._with_evidence(after, rule, now)
            changed.append((before, after))
        return changed

    def _with_evidence(self, alert: Alert, rule: Rule, now: datetime) -> Alert:
        """The alert with the stories behind it, its chart (its window and what came before) and its annotations."""
        start = now - timedelta(seconds=alert.window_seconds)
        stories = self._windows.evidence(alert.scope, alert.key, start, now, MOST_STORIES, rule.filters)
        evidence = with_words(stories[:EVIDENCE_STORIES], alert.evidence, self._explain)
        seconds = max(60, alert.window_seconds // _BUCKETS_PER_WINDOW // 60 * 60)
        begin = now - timedelta(seconds=CHART_BUCKETS * seconds)
        series = self._windows.series(alert.scope, [alert.key], begin, now, seconds, rule.filters)[alert.key]
        measured = examined(alert, rule, CONDITIONS[rule.kind], self._windows, stories, series, now)
        alert = replace(alert, evidence=evidence, series=tuple(series), measured=measured)
        link = dashboard_link(self._dashboard_url, alert)
        annotations = {"dashboard": link} if link else {}
        return replace(alert, annotations=annotations | render_annotations(rule.annotations, alert))

    def _is_past(self, now: datetime, active: Iterable[Alert]) -> bool:
        known = [moment for a in active if (moment := a.updated_at)] + ([self._last] if self._last else [])
        if not known or now >= max(known):
            return False
        if not self._warned:
            _log.warning("not evaluating at %s: alerts were already evaluated at %s", now, max(known))
            self._warned = True
        return True
