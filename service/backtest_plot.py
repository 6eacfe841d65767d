"""The picture of a back-test: an SVG of alerts over time against the stream's negative stories; needs nothing else."""

from datetime import UTC, datetime
from html import escape
from pathlib import Path

import numpy as np

from alerts.memory_windows import MemoryWindows
from service.backtest import Run
from tidings.errors import ConfigError

_WIDTH, _HEIGHT, _LEFT, _TOP, _LANES = 1200, 420, 60, 30, 150
_DAY = 86_400


def check_plot(path: Path) -> None:
    """ConfigError unless the name ends in .svg or .html."""
    if path.suffix not in (".svg", ".html"):
        raise ConfigError(f"{path}: --plot writes .svg or .html; give a name that ends so")


def write_plot(path: Path, run: Run, windows: MemoryWindows) -> None:
    """Writes FILE.svg, or FILE.html with the same picture and a table of the alerts; ConfigError if it cannot."""
    picture = svg(run, windows)
    try:
        path.write_text(picture if path.suffix == ".svg" else _page(picture, run), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror}); check --plot") from None


def svg(run: Run, windows: MemoryWindows) -> str:
    """Below, negative stories a day as a line (the whole stream); above, a dot for each alert, events as bands."""
    test = run.test
    first, last = test.start.timestamp(), test.end.timestamp()

    def x(moment: float) -> float:
        return _LEFT + (moment - first) / (last - first) * (_WIDTH - _LEFT - 20)

    days = max(1, int((last - first) // _DAY))
    midnight = datetime.fromtimestamp(first // _DAY * _DAY, UTC)
    end = datetime.fromtimestamp((first // _DAY + days) * _DAY, UTC)
    counted = windows.series("all", [""], midnight, end, _DAY)[""]
    values = np.array([window.negative_story_sum for window in counted])
    top, floor = float(values.max(initial=1.0)), _HEIGHT - 30
    height = floor - _TOP - _LANES - 10
    line = " ".join(
        f"{x(w.start.timestamp()):.1f},{floor - v / top * height:.1f}"
        for w, v in zip(counted, values, strict=True)
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif"'
        ' font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="18">{escape(run.origin)}: {len(test.alerts)} alerts,'
        f" {test.alerts_per_week:.2f} a week; below, negative stories a day (at most {top:.0f})</text>",
        *(_tick(x(moment.timestamp()), floor, label) for moment, label in _ticks(test.start, test.end)),
    ]
    for outcome in run.outcomes:
        event = outcome.event
        left, right = x(max(event.start.timestamp(), first)), x(min(event.end.timestamp(), last))
        colour = "#2a7" if outcome.alert else "#d33"
        parts.append(
            f'<rect x="{left:.1f}" y="{_TOP}" width="{max(2.0, right - left):.1f}" height="{_LANES}"'
            f' fill="{colour}" opacity="0.35"><title>{escape(event.name)}:'
            f" {'found' if outcome.alert else 'missed'}</title></rect>"
        )
    parts.append(f'<polyline points="{line}" fill="none" stroke="#778" stroke-width="1"/>')
    largest = max((alert.value for alert in test.alerts), default=1.0)
    for alert in test.alerts:
        fired = alert.fired_at or alert.started_at
        # The higher, the more negative stories, on a root scale: most alerts are small.
        y = _TOP + _LANES - 8 - (alert.value / largest) ** 0.5 * (_LANES - 16)
        said = f"{alert.key} {fired:%Y-%m-%d %H:%M}: {alert.value:.1f}, expected {alert.expected:.2f}"
        parts.append(
            f'<circle cx="{x(fired.timestamp()):.1f}" cy="{y:.1f}" r="3" fill="#c40" opacity="0.8">'
            f"<title>{escape(said)}</title></circle>"
        )
    return "\n".join([*parts, "</svg>\n"])


def _tick(x: float, floor: int, label: str) -> str:
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{floor}" stroke="#eee"/>'
        f'<text x="{x:.1f}" y="{floor + 18}">{label}</text>'
    )


def _ticks(start: datetime, end: datetime) -> list[tuple[datetime, str]]:
    """The starts of years, or where there are few of months, or the start alone."""
    months = [
        datetime(year, month, 1, tzinfo=UTC)
        for year in range(start.year, end.year + 1)
        for month in range(1, 13)
    ]
    inside = [month for month in months if start <= month < end]
    if len(inside) > 24:
        return [(month, f"{month:%Y}") for month in inside if month.month == 1]
    return [(month, f"{month:%b %Y}") for month in inside[:: 1 + len(inside) // 13]] or [
        (start, f"{start:%Y-%m-%d}")
    ]


def _page(picture: str, run: Run) -> str:
    rows = "\n".join(
        f"<tr><td>{alert.fired_at:%Y-%m-%d %H:%M}</td><td>{escape(alert.rule)}</td><td>{escape(alert.key)}</td>"
        f"<td>{alert.value:.1f}</td><td>{alert.expected:.2f}</td><td>{alert.p_value:.1e}</td>"
        f"<td>{escape(alert.evidence[0].title) if alert.evidence else ''}</td></tr>"
        for alert in run.test.alerts
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Back-test</title>'
        "<style>body{font-family:sans-serif;margin:2em}td,th{padding:2px 10px;text-align:left}</style>"
        f"<body>{picture}<table><tr><th>fired<th>rule<th>key<th>value<th>expected<th>p<th>strongest story</tr>"
        f"{rows}</table></body></html>\n"
    )
