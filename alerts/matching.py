"""Which alerts a silence, a mute time or an inhibition speaks of: label matchers. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from tidings.errors import ConfigError
from tidings.types import Alert, Silence


@dataclass(frozen=True)
class Inhibition:
    """While an alert that matches `source` fires, alerts that match `target` tell nobody that they fire."""

    source: Mapping[str, str]
    target: Mapping[str, str]


def labels_of(alert: Alert, receiver: str = "") -> dict[str, str]:
    """What matchers look at: the alert's labels (with scope and key), its rule, its severity, and the receiver."""
    return {**alert.labels, "rule": alert.rule, "severity": alert.severity, "receiver": receiver}


def matches(matchers: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether every matcher (label name to glob pattern, case counts) fits; a label that is missing is empty."""
    return all(fnmatchcase(labels.get(name, ""), pattern) for name, pattern in matchers.items())


def silence_of(alert: Alert, silences: Sequence[Silence], now: datetime) -> Silence | None:
    """The silence in force for the alert that lasts longest."""
    labels = labels_of(alert)
    found = [s for s in silences if s.starts_at <= now < s.ends_at and matches(s.matchers, labels)]
    return max(found, key=lambda s: (s.ends_at, s.silence_id), default=None)


def inhibited(alerts: Sequence[Alert], inhibitions: Sequence[Inhibition]) -> frozenset[str]:
    """The ids of the firing alerts that another firing alert mutes. Two that could mute each other do not."""
    firing = {alert.alert_id: labels_of(alert) for alert in alerts if alert.state == "firing"}
    found = set[str]()
    for pair in inhibitions:
        sources = {key for key, labels in firing.items() if matches(pair.source, labels)}
        targets = {key for key, labels in firing.items() if matches(pair.target, labels)}
        if sources:
            found |= targets - sources
        if sources - targets:
            found |= targets
    return frozenset(found)


def parse_matchers(text: str, where: str) -> dict[str, str]:
    """`scope=entity; key=North*` as label names and patterns; ConfigError, naming `where`, for anything else."""
    matchers = {}
    for part in text.split(";"):
        name, equals, pattern = part.partition("=")
        if not equals or not name.strip():
            raise ConfigError(
                f"{where}: {part.strip()!r} is no matcher; write LABEL=PATTERN, several with ';'"
            )
        matchers[name.strip()] = pattern.strip()
    return matchers


def parse_inhibition(text: str, where: str) -> Inhibition:
    """`scope=all > scope=entity`: what mutes, and what it mutes."""
    source, arrow, target = text.partition(">")
    if not arrow:
        raise ConfigError(
            f"{where}: {text!r} must be MATCHERS > MATCHERS, such as 'scope=all > scope=entity'"
        )
    return Inhibition(parse_matchers(source, where), parse_matchers(target, where))
