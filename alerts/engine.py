"""The engine: rules over windows at a given `now`, alerts out. The same live, replayed and in a backtest."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from alerts.annotations import render_annotations
from alerts.conditions import CONDITIONS
from alerts.dashboard_link import dashboard_link
from alerts.durations import floor_minute
from alerts.evidence import MOST_STORIES, counted, examined, with_words
from alerts.headline import in_headlines
from alerts.own import COUNTS
from alerts.protocols import Explain, History, NamesIn, Windows
from alerts.read_once import ReadOnce
from alerts.rule import Rule
from alerts.states import advance, fingerprint_of, is_later, is_worse, resolve
from tidings.metrics import ALERTS_FIRED, EVALUATIONS
from tidings.types import Alert

EVIDENCE_STORIES = 5
CHART_BUCKETS = 48
_BUCKETS_PER_WINDOW = 8
_MINUTE = timedelta(minutes=1)

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
        names_in: NamesIn | None = None,
    ) -> None:
        """Without `explain` evidence comes without the words that moved its scores.

        With `dashboard_url` each alert has an annotation `dashboard`: the link to what it saw. `names_in` says whom a
        headline names: rules with `in_headline` need it (ValueError).
        """
        if names_in is None and any(rule.in_headline for rule in rules):
            raise ValueError("a rule has in_headline: hand in names_in")
        self._rules = tuple(rules)
        self._windows = ReadOnce(windows)
        self._history = history
        self._explain = explain
        self._dashboard_url = dashboard_url
        self._names_in = names_in
        self._last: datetime | None = None
        self._warned = False

    def evaluate(self, now: datetime) -> list[Alert]:
        """Evaluates every rule at `now` (floored to the minute), saves what changed, returns state changes.

        A `now` before the last evaluated one is ignored. If a read fails nothing is saved, and the
        next evaluation makes up for it. An active alert whose rule is gone, or has other labels, resolves.
        """
        now = floor_minute(now)
        active = self._active()
        if self._is_past(now, active.values()):
            return []
        changed: list[tuple[Alert | None, Alert]] = []
        self._windows.begin(now)
        for rule in self._rules:
            changed += self._evaluate_rule(rule, _pop(active, rule), now, now)
        changed += [(a, resolve(a, now)) for a in active.values() if not is_later(a, now)]
        self._last = now
        return self._save(changed)

    def look(self, now: datetime) -> list[Alert]:
        """Evaluates the minute that is running at `now` for the alerts that it begins, and saves and returns those.

        Of the rules whose count can only grow while the minute fills (Rule.counts_up): what is unusual before the
        minute is over is so at its end, and need not wait for it. Nothing ends here, and no figure of a firing alert
        changes: `evaluate` sees to that. The times of these alerts are `now` itself.
        """
        active = self._active()
        if self._is_past(now, active.values()):
            return []
        changed: list[tuple[Alert | None, Alert]] = []
        minute = floor_minute(now)
        self._windows.begin(minute)
        for rule in self._rules:
            if rule.counts_up:
                changed += self._evaluate_rule(rule, _pop(active, rule), now, minute + _MINUTE)
        return self._save(changed)

    def _active(self) -> dict[str, Alert]:
        active = {a.fingerprint: a for a in self._history.active_alerts()}
        active.pop(COUNTS, None)  # no rule made it, and it lives on wall time
        return active

    def _save(self, changed: Sequence[tuple[Alert | None, Alert]]) -> list[Alert]:
        """Saves what is new, and returns those alerts whose state is."""
        if changed:
            self._history.save_alerts([after for _, after in changed])
        changes = [after for before, after in changed if before is None or before.state != after.state]
        for alert in changes:
            if alert.state == "firing":
                ALERTS_FIRED.labels(alert.rule).inc()
            _log.info("alert %s (%s on %r): %s", alert.alert_id, alert.rule, alert.key, alert.state)
        return changes

    def _evaluate_rule(
        self, rule: Rule, previous: dict[str, Alert], now: datetime, end: datetime
    ) -> list[tuple[Alert | None, Alert]]:
        """The windows end at `end`: at `now`, or with the minute that is running, where only new alerts count."""
        running = end > now
        findings = CONDITIONS[rule.kind](rule, self._windows, end)
        EVALUATIONS.inc()
        if findings is None:
            return []
        if rule.in_headline and self._names_in:
            firing = {key for key, alert in previous.items() if alert.state == "firing"}
            findings = in_headlines(rule, self._windows, end, findings, firing, self._names_in)
        changed: list[tuple[Alert | None, Alert]] = []
        for key in sorted(findings if running else previous.keys() | findings.keys()):
            before = previous.get(key)
            if running and before and before.state == "firing":
                continue
            after = advance(before, findings.get(key), rule, key, now)
            if after is None or after is before:
                continue
            fires = after.state == "firing"
            if fires and (before is None or before.state != "firing" or is_worse(after, before)):
                after = self._with_evidence(after, rule, end)
            changed.append((before, after))
        return changed

    def _with_evidence(self, alert: Alert, rule: Rule, end: datetime) -> Alert:
        """The alert with the stories behind it, its chart (its window and what came before) and its annotations."""
        start = end - counted(alert.measured, alert.window_seconds)
        stories = self._windows.evidence(alert.scope, alert.key, start, end, MOST_STORIES, rule.filters)
        evidence = with_words(stories[:EVIDENCE_STORIES], alert.evidence, self._explain)
        seconds = max(60, alert.window_seconds // _BUCKETS_PER_WINDOW // 60 * 60)
        begin = end - timedelta(seconds=CHART_BUCKETS * seconds)
        series = self._windows.series(alert.scope, [alert.key], begin, end, seconds, rule.filters)[alert.key]
        measured = examined(alert, rule, CONDITIONS[rule.kind], self._windows, stories, series, end)
        alert = replace(alert, evidence=evidence, series=tuple(series), measured=measured)
        link = dashboard_link(self._dashboard_url, alert)
        annotations = {"dashboard": link} if link else {}
        return replace(alert, annotations=annotations | render_annotations(rule.annotations, alert))

    def _is_past(self, now: datetime, active: Iterable[Alert]) -> bool:
        known = [moment for a in active if (moment := a.updated_at)] + ([self._last] if self._last else [])
        if not known or now >= floor_minute(max(known)):
            return False
        if not self._warned:
            _log.warning("not evaluating at %s: alerts were already evaluated at %s", now, max(known))
            self._warned = True
        return True


def _pop(active: dict[str, Alert], rule: Rule) -> dict[str, Alert]:
    """Takes the rule's alerts out of `active`, by key."""
    named = [a for a in active.values() if a.rule == rule.name]  # first: fingerprints cost more
    mine = [a for a in named if a.fingerprint == fingerprint_of(rule, a.key)]
    return {a.key: active.pop(a.fingerprint) for a in mine}
