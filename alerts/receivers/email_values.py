"""What the e-mail's templates show of an alert."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from alerts.durations import say_duration
from alerts.evidence_sql import sql_of
from alerts.receivers.brief import title_of
from alerts.receivers.telling import began, firmness, observed, odds, share, share_of
from alerts.receivers.words import (
    bars_of,
    capital,
    one_line,
    say_time,
    sparkline,
    summarise,
)
from tidings.highlight import highlight_html, say_words
from tidings.shown import safe_link, visible
from tidings.types import Alert, Evidence

LONGEST_TITLE = 300
_CHART_PIXELS = 64
_COLOURS = {"critical": "#b3261e", "warning": "#a85b00", "info": "#2f5d9b"}
_RESOLVED_COLOUR = "#2e7d4f"
_COUNTED = ("spike", "volume", "new_key")  # kinds whose expected value is a number of stories of the window


def colour_of(alert: Alert) -> str:
    """The colour of the alert's severity."""
    return _COLOURS.get(alert.severity, _COLOURS["warning"])


def usual_per_bar(alert: Alert) -> float | None:
    """How many stories of one bar of the series would be usual; None where the rule expects something else."""
    measured = alert.measured
    if not alert.series or measured.kind not in _COUNTED or measured.measure != "negative stories":
        return None
    return alert.expected * alert.series[0].seconds / alert.window_seconds


def values_of(alert: Alert, image: str) -> Mapping[str, Any]:
    """What the templates show of one alert: cleaned texts, and numbers in words. `image` is the chart's cid."""
    bars = bars_of(alert.series, alert.window_seconds)
    resolved = alert.state == "resolved"
    present = colour_of(alert)
    summary = summarise(alert)
    caption = ""
    if bars:
        ends = alert.series[-1].start + timedelta(seconds=alert.series[-1].seconds)
        caption = (
            f"Negative stories per {say_duration(alert.series[0].seconds)}, {say_time(bars[0].start)} to "
            f"{say_time(ends)}; the last {say_duration(alert.window_seconds)} are the alert's."
        )
    return {
        "heading": title_of(alert),
        "about": capital(summary),
        "resolved": resolved,
        "colour": _RESOLVED_COLOUR if resolved else present,
        "observed": _sentence(observed(alert)),
        "odds": odds(alert),
        "notes": _notes(alert),
        "sql": _sql(alert),
        "fired_at": say_time(alert.fired_at or alert.started_at),
        "resolved_at": say_time(alert.resolved_at),
        "rule": one_line(alert.rule),
        "severity": one_line(alert.severity),
        "alert_id": one_line(alert.alert_id),
        "labels": [
            (one_line(name), one_line(text))
            for name, text in sorted(alert.labels.items())
            if name not in ("scope", "key")
        ],
        "chart": sparkline(alert.series),
        "chart_caption": caption,
        "image": image,
        "bars": [
            {
                "pixels": max(1, round(bar.height * _CHART_PIXELS)),
                "colour": present if bar.present else "#b8bec9",
                "tip": f"{say_time(bar.start)}: {bar.value:.1f}",
            }
            for bar in bars
        ],
        "evidence": [
            {
                "title": one_line(story.title) or "(no title)",
                "title_html": _highlighted(story) or "(no title)",
                "words": one_line(say_words(story.words)),
                "about": _about(story, alert),
                "link": safe_link(story.url),
            }
            for story in alert.evidence
        ],
    }


def _about(story: Evidence, alert: Alert) -> str:
    parts = [say_time(story.published_at), one_line(story.source, 80)]
    parts += [f"carried {story.reach} times"] if story.reach > 1 else []
    parts.append(f"sentiment {story.sentiment:+.2f}")
    part = share_of(story, alert)
    return ", ".join([*parts, f"{part} of it"] if part else parts)


def _notes(alert: Alert) -> list[str]:
    notes = [share(alert), firmness(alert), f"It began {began(alert)}" if began(alert) else ""]
    said = [_sentence(note) for note in notes if note]
    return said + [
        f"{one_line(name, 40)}: {one_line(text, 1000)}" for name, text in sorted(alert.annotations.items())
    ]


def _sql(alert: Alert) -> str:
    """What gives the figure again; nothing where a key holds characters that cannot be seen, and so not copied."""
    sql = sql_of(alert)
    return sql if all(visible(line) == line for line in sql.split("\n")) else ""


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _highlighted(story: Evidence) -> str:
    """The title as escaped HTML with the words that moved its score marked."""
    title = visible(story.title)
    shown = title if len(title) <= LONGEST_TITLE else title[:LONGEST_TITLE].rstrip() + "…"
    return highlight_html(shown, story.words).strip()
