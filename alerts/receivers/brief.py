"""A notification in a few lines, for chats and pagers: the same words everywhere, each place its own mark-up."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from alerts.receivers.telling import began, firmness, observed, odds, share
from alerts.receivers.words import capital, one_line, say_time, sparkline, summarise
from tidings.shown import safe_link
from tidings.types import Alert, Notification

MOST_ALERTS = 10
MOST_STORIES = 5
_LOOK_ALIKES = str.maketrans("[]<>*`|\\", "［］＜＞＊´¦＼")  # noqa: RUF001 look-alikes on purpose: they are no mark-up


@dataclass(frozen=True, slots=True)
class Story:
    """A headline, its link ('' when there is no safe one) and where it stood."""

    title: str
    link: str
    source: str


@dataclass(frozen=True, slots=True)
class Brief:
    """One alert: what happened, since when, facts, the chart as a line of blocks, the worst stories."""

    title: str
    when: str
    facts: tuple[tuple[str, str], ...]
    chart: str
    stories: tuple[Story, ...]


def heading(notification: Notification) -> str:
    """One line: 'Alert: negative stories on …', 'Resolved: …', or '3 alerts (2 firing, 1 resolved)'."""
    alerts = notification.alerts
    if len(alerts) == 1:
        return title_of(alerts[0])
    resolved = sum(alert.state == "resolved" for alert in alerts)
    parts = [f"{n} {word}" for n, word in ((len(alerts) - resolved, "firing"), (resolved, "resolved")) if n]
    return f"{len(alerts)} alerts ({', '.join(parts)})"


def all_resolved(notification: Notification) -> bool:
    """Whether there is nothing left of it."""
    return all(alert.state == "resolved" for alert in notification.alerts)


def severity_of(notification: Notification) -> str:
    """The worst severity among alerts that still fire: critical, warning or info (anything else is warning)."""
    firing = [alert.severity for alert in notification.alerts if alert.state != "resolved"]
    known = [word if word in ("critical", "warning", "info") else "warning" for word in firing]
    return next((word for word in ("critical", "warning", "info") if word in known), "info")


def briefs(notification: Notification) -> tuple[list[Brief], int]:
    """The first MOST_ALERTS alerts, and how many more there are."""
    alerts = notification.alerts
    return [brief(alert) for alert in alerts[:MOST_ALERTS]], max(0, len(alerts) - MOST_ALERTS)


def brief(alert: Alert) -> Brief:
    """One alert in short texts, each on one line."""
    fired = say_time(alert.fired_at or alert.started_at)
    resolved = alert.state == "resolved"
    facts = [
        ("Observed", observed(alert)),
        ("By chance alone", odds(alert)),
        ("Share", share(alert)),
        ("Firm", firmness(alert)),
        ("Began", began(alert)),
    ]
    facts = [(name, text) for name, text in facts if text]
    facts += [(one_line(name, 40), one_line(text, 1000)) for name, text in sorted(alert.annotations.items())]
    facts += [("Severity", one_line(alert.severity, 20)), ("Rule", one_line(alert.rule, 80))]
    return Brief(
        title=title_of(alert),
        when=f"fired {fired}, resolved {say_time(alert.resolved_at)}"
        if resolved
        else f"firing since {fired}",
        facts=tuple(facts),
        chart=sparkline(alert.series),
        stories=tuple(
            Story(one_line(s.title, 200) or "(no title)", safe_link(s.url), one_line(s.source, 80))
            for s in alert.evidence[:MOST_STORIES]
        ),
    )


def markdown(notification: Notification, longest_bytes: int) -> str:
    """The notification in the Markdown that WeCom, DingTalk and Feishu share: bold, links, quotes.

    Texts of others cannot write mark-up: its characters are replaced by look-alikes. Whole lines are left out at
    the end where the text would be longer than `longest_bytes` in UTF-8.
    """
    shown, more = briefs(notification)
    lines = [f"**{plain(heading(notification))}**"] if len(notification.alerts) > 1 else []
    for one in shown:
        lines += [f"**{plain(one.title)}**", plain(capital(one.when))]
        lines += [f"{plain(name)}: {plain(text)}" for name, text in one.facts]
        lines += [one.chart] if one.chart else []
        lines += [f"> {linked(story)}" for story in one.stories]
    if more:
        lines.append(f"and {more} more")
    return _fitting(lines, longest_bytes)


def linked(story: Story) -> str:
    """A story as a Markdown link with its source."""
    title = plain(story.title)
    link = quote(story.link, safe=":/?#@!$&'*+,;=%-._~[]") if story.link else ""
    return f"[{title}]({link}) ({plain(story.source)})" if link else f"{title} ({plain(story.source)})"


def plain(text: str) -> str:
    """The text with look-alikes for characters that are mark-up."""
    return text.translate(_LOOK_ALIKES)


def title_of(alert: Alert) -> str:
    """Such as 'Alert: negative stories on …', or 'Resolved: …'."""
    return f"{'Resolved' if alert.state == 'resolved' else 'Alert'}: {summarise(alert)}"


def _fitting(lines: Sequence[str], longest_bytes: int) -> str:
    kept: list[str] = []
    size = len("…")
    for line in lines:
        size += len(line.encode("utf-8", "replace")) + 2
        if size > longest_bytes - 4:
            return "\n\n".join([*kept, "…"])
        kept.append(line)
    return "\n\n".join(kept)
