"""Who is to be told of what, and when: a pure function of alerts, what was told before, silences and the time.

The words and the order of things are Alertmanager's: alerts of a receiver fall into groups; a new group waits
`group_wait`, one that was told waits `group_interval` between changes, and tells again after `repeat_interval`. Each
state of an alert is told once to each receiver; repeats are the exception that is asked for.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.matching import (
    Inhibition,
    inhibited,
    labels_of,
    matches,
    parse_inhibition,
    silence_of,
)
from alerts.mute_times import MuteTime, parse_mute_time
from tidings.quiet import Quiet
from tidings.settings import RoutingSettings
from tidings.types import (
    Acknowledgement,
    Alert,
    AlertState,
    Notification,
    NotificationReason,
    Silence,
    Told,
)

DIGEST = "digest"  # the group of digests
_DIGESTS_IN_A_STORM = 10  # what comes one by one would be told one by one, however much it is


@dataclass(frozen=True)
class Policy:
    """The settings, understood. Without `group_by` every alert is a group; no `repeat_interval` is never."""

    group_by: tuple[str, ...] = ()
    group_wait: timedelta = timedelta()
    group_interval: timedelta = timedelta()
    repeat_interval: timedelta = timedelta()
    inhibitions: tuple[Inhibition, ...] = ()
    mute_times: tuple[MuteTime, ...] = ()
    storm_limit: int = 0
    storm: timedelta = timedelta(minutes=10)

    @property
    def memory(self) -> timedelta:
        """How long after it was made a notification matters, whatever it was about."""
        return max(self.storm, self.group_interval)


@dataclass(frozen=True)
class Situation:
    """What is known: alerts (active, or ended and not yet told so), what was told, and what people said."""

    alerts: Sequence[Alert]
    told: Sequence[Told] = ()
    silences: Sequence[Silence] = ()
    acknowledgements: Sequence[Acknowledgement] = ()


def make_policy(settings: RoutingSettings) -> Policy:
    """Raises ConfigError that names the setting."""
    return Policy(
        group_by=settings.group_by,
        group_wait=timedelta(seconds=settings.group_wait_seconds),
        group_interval=timedelta(seconds=settings.group_interval_seconds),
        repeat_interval=timedelta(seconds=settings.repeat_interval_seconds),
        inhibitions=tuple(parse_inhibition(text, "routing.inhibit") for text in settings.inhibit),
        mute_times=tuple(parse_mute_time(text, "routing.mute_times") for text in settings.mute_times),
        storm_limit=settings.storm_limit,
        storm=timedelta(seconds=settings.storm_seconds),
    )


def due(situation: Situation, receivers: Sequence[str], policy: Policy, now: datetime) -> list[Notification]:
    """The notifications that are to be made now, in order; the same for any order of the situation's parts."""
    quiet = quieted(situation, policy, now)
    return [note for name in sorted(receivers) for note in _of_receiver(situation, name, quiet, policy, now)]


def quieted(situation: Situation, policy: Policy, now: datetime) -> dict[str, list[Quiet]]:
    """Why alerts tell nobody now, by alert_id: silenced, snoozed, (unless they have ended) inhibited, in that order."""
    found: dict[str, list[Quiet]] = {}
    for alert in situation.alerts:
        if silence := silence_of(alert, situation.silences, now):
            quiet = Quiet("silenced", silence.author, silence.ends_at, silence.reason)
            found.setdefault(alert.alert_id, []).append(quiet)
    for seen in situation.acknowledgements:
        if seen.snoozed_until and now < seen.snoozed_until:
            quiet = Quiet("snoozed", seen.author, seen.snoozed_until)
            found.setdefault(seen.alert_id, []).append(quiet)
    for alert_id in inhibited(situation.alerts, policy.inhibitions):
        found.setdefault(alert_id, []).append(Quiet("inhibited"))
    return found


def held(situation: Situation, policy: Policy, now: datetime) -> dict[str, str]:
    """The first of an alert's reasons in words."""
    return {alert_id: _words(reasons[0]) for alert_id, reasons in quieted(situation, policy, now).items()}


def why_quiet(alert: Alert, situation: Situation, policy: Policy, now: datetime) -> list[str]:
    """Why a firing alert is not told now, in words; mute times may be for some receivers only. Empty for others."""
    if alert.state != "firing":
        return []
    reasons = [why] if (why := held(situation, policy, now).get(alert.alert_id)) else []
    for time in policy.mute_times:
        to = time.matchers.get("receiver", "")
        if time.covers(now) and matches({**time.matchers, "receiver": "*"}, labels_of(alert)):
            reasons.append(f"mute time {time.text!r}{f' (to {to})' if to else ''}: {time.words(now)}")
    return reasons


def group_of(alert: Alert, policy: Policy) -> str:
    """The key of the alert's group: the values of the labels of `group_by`, or the alert by itself."""
    if not policy.group_by:
        return alert.alert_id
    labels = labels_of(alert)
    return ", ".join(f"{name}={labels.get(name, '')}" for name in policy.group_by)


def notification_id(
    receiver: str, group: str, reason: str, states: Mapping[str, AlertState], after: str = ""
) -> str:
    """The idempotency key, 32 hexadecimal digits: made again from the same facts it is the same.

    `after` is the notification that a repeat or a digest follows: those may say the same twice, and mean it.
    """
    text = json.dumps([receiver, group, reason, sorted(states.items()), after])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _words(quiet: Quiet) -> str:
    if quiet.kind == "inhibited":
        return "inhibited by another alert"
    said = f"{quiet.kind} by {quiet.who} until {quiet.until:%Y-%m-%d %H:%M} UTC"
    return said if quiet.kind == "snoozed" else f"{said}: {quiet.why}"


def _of_receiver(
    situation: Situation, receiver: str, quiet: Collection[str], policy: Policy, now: datetime
) -> list[Notification]:
    told = sorted(
        (one for one in situation.told if one.receiver == receiver),
        key=lambda one: (one.created_at, one.notification_id),
    )
    mutes = [time for time in policy.mute_times if time.covers(now)]
    groups: dict[str, list[Alert]] = {}
    for alert in sorted(situation.alerts, key=lambda a: (a.fired_at or a.started_at, a.alert_id)):
        if alert.state == "pending" or alert.alert_id in quiet:
            continue
        labels = labels_of(alert, receiver)
        if not any(matches(time.matchers, labels) for time in mutes):
            groups.setdefault(group_of(alert, policy), []).append(alert)
    seen = frozenset(one.alert_id for one in situation.acknowledgements)
    past: dict[str, list[Told]] = {}  # by alert and by group
    for one in told:
        for key in {one.group, *one.states}:
            past.setdefault(key, []).append(one)
    found = [_of_group(receiver, group, groups[group], past, seen, policy, now) for group in groups]
    notes = [note for note in found if note]
    recent = sum(one.created_at > now - policy.storm for one in told)
    if not policy.storm_limit or recent + len(notes) <= policy.storm_limit:
        return notes
    if recent >= policy.storm_limit and now < told[-1].created_at + policy.storm / _DIGESTS_IN_A_STORM:
        return []
    if len(notes) < 2:
        return notes
    alerts = [alert for note in notes for alert in note.alerts]
    return [_notification(receiver, DIGEST, "digest", alerts, now, told[-1].notification_id if told else "")]


def _of_group(
    receiver: str,
    group: str,
    alerts: Sequence[Alert],
    past: Mapping[str, Sequence[Told]],
    seen: frozenset[str],
    policy: Policy,
    now: datetime,
) -> Notification | None:
    heard: dict[str, set[AlertState]] = {}
    last: Told | None = None
    for key in (group, *(alert.alert_id for alert in alerts)):
        told = past.get(key, ())
        heard[key] = {one.states[key] for one in told if key in one.states}
        if told and (last is None or told[-1].created_at >= last.created_at):
            last = told[-1]
    known = [a for a in alerts if "firing" in heard[a.alert_id]]
    new = [a for a in alerts if a.state == "firing" and "firing" not in heard[a.alert_id]]
    over = [a for a in known if a.state == "resolved" and "resolved" not in heard[a.alert_id]]
    lasting = [a for a in known if a.state == "firing"]
    if new and not over and not lasting:
        first = min(alert.fired_at or alert.started_at for alert in new)
        return (
            _notification(receiver, group, "firing", new, now) if now >= first + policy.group_wait else None
        )
    if last is None:
        return None
    if new or over:
        ready = now >= last.created_at + policy.group_interval
        reason: NotificationReason = "changed" if new else "resolved"
        return _notification(receiver, group, reason, [*new, *over], now) if ready else None
    open_ones = [alert for alert in lasting if alert.alert_id not in seen]
    if open_ones and policy.repeat_interval and now >= last.created_at + policy.repeat_interval:
        return _notification(receiver, group, "repeat", open_ones, now, last.notification_id)
    return None


def _notification(
    receiver: str,
    group: str,
    reason: NotificationReason,
    alerts: Sequence[Alert],
    now: datetime,
    after: str = "",
) -> Notification:
    key = notification_id(receiver, group, reason, {alert.alert_id: alert.state for alert in alerts}, after)
    return Notification(key, receiver, group, reason, tuple(alerts), now)
