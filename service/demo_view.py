"""What the demo shows: values in, rich renderables out. Texts are data, never markup."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage

from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from service.demo_catchers import Request
from tidings.highlight import say_words
from tidings.types import Alert, Evidence

_BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class TopicLine:
    """A topic's items so far and its mean sentiment per bucket, oldest first (None: nothing published)."""

    name: str
    items: int
    series: tuple[float | None, ...]


@dataclass(frozen=True)
class Headline:
    """One of the latest most negative items."""

    at: datetime
    source: str
    text: str
    sentiment: float


@dataclass(frozen=True)
class Snapshot:
    """The demo at one moment."""

    phase: str
    model: str
    total: int
    handled: int
    dead_letters: int
    per_second: float
    stream_time: datetime | None
    topics: tuple[TopicLine, ...]
    headlines: tuple[Headline, ...]
    alerts: tuple[Alert, ...]
    page: str = ""  # the live page's address


@dataclass(frozen=True)
class Summary:
    """The demo's end in numbers; `stored` counts distinct items, read back from the store."""

    sent: int
    stored: int
    duplicates: int
    dead_letters: Counter[str]
    as_expected: bool
    stories: int
    minutes: int
    alerts: tuple[Alert, ...]
    seconds: float
    per_second: float

    @property
    def counts_agree(self) -> bool:
        """Whether every message sent is accounted for, and as the story says."""
        return self.as_expected and self.sent == self.stored + self.duplicates + self.dead_letters.total()

    @property
    def counts_line(self) -> str:
        """The counts check in one line."""
        sign = "✓" if self.counts_agree else "✗ THE COUNTS DO NOT AGREE"
        dead = self.dead_letters.total()
        parts = f"stored {self.stored:,} + duplicates {self.duplicates:,} + dead letters {dead:,}"
        return f"sent {self.sent:,} = {parts}  {sign}"


def clean(text: str, width: int = 400) -> str:
    """One printable line of at most `width` characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= width else line[: width - 1] + "…"


def sparkline(series: Sequence[float | None]) -> Text:
    """Sentiment from -0.5 (low, red) to 0.5 (high, green), one block per bucket."""
    line = Text()
    for value in series:
        if value is None:
            line.append(" ")
            continue
        level = min(7, max(0, round((value + 0.5) * 7)))
        line.append(_BLOCKS[level], "red" if value < -0.15 else "green" if value > 0.1 else "yellow")
    return line


def live(snapshot: Snapshot) -> RenderableType:
    """The whole screen."""
    layout = Layout()
    layout.split_column(
        Layout(_header(snapshot), size=4),
        Layout(_topics(snapshot), size=9),
        Layout(_headlines(snapshot)),
        Layout(_alerts(snapshot), size=10),
    )
    return layout


def plain_line(snapshot: Snapshot) -> str:
    """Progress in one line, for logs and pipes."""
    at = f", stream time {snapshot.stream_time:%H:%M}" if snapshot.stream_time else ""
    return f"{snapshot.phase}: {snapshot.handled:,} of {snapshot.total:,} messages, {snapshot.per_second:,.0f}/s{at}"


def alert_lines(alert: Alert) -> list[str]:
    """An alert in plain lines."""
    when = alert.fired_at or alert.started_at
    lines = [
        f"ALERT {alert.severity}: {clean(alert.key)}, {alert.value:.1f} negative stories in"
        f" {alert.window_seconds // 60} minutes, {alert.expected:.1f} expected (fired at {when:%H:%M} stream time)"
    ]
    return lines + [_evidence_line(story) for story in alert.evidence]


def summary(values: Summary) -> RenderableType:
    """The numbers at the end."""
    table = Table(show_header=False, box=None, pad_edge=False)
    rows = [
        ("messages sent", f"{values.sent:,}"),
        ("items stored", f"{values.stored:,} in {values.stories:,} stories"),
        ("duplicates", f"{values.duplicates:,}"),
        (
            "dead letters",
            ", ".join(f"{n} {reason}" for reason, n in sorted(values.dead_letters.items())) or "0",
        ),
        ("windows", f"{values.minutes:,} minutes"),
        ("alerts fired", f"{len(values.alerts)}: " + ", ".join(clean(alert.key) for alert in values.alerts)),
        (
            "speed",
            f"{values.per_second:,.0f} messages a second scored and stored; {values.seconds:.0f} s in all",
        ),
    ]
    for name, value in rows:
        table.add_row(name, Text(value))
    return Group(
        table,
        Text(f"\nCounts check: {values.counts_line}", "bold green" if values.counts_agree else "bold red"),
    )


def mail(message: EmailMessage) -> RenderableType:
    """An e-mail as its reader sees it without HTML."""
    body = message.get_body(("plain",))
    text = str(body.get_content()) if body else ""
    head = f"From: {message['From']}\nTo: {message['To']}\nSubject: {clean(str(message['Subject']))}\n\n"
    lines = [clean(line, 100) for line in text.splitlines()[:16]]
    return Panel(Text(head + "\n".join(lines)), title="the e-mail, caught on loopback", title_align="left")


def hook(request: Request, verified: bool) -> RenderableType:
    """A webhook call: the headers that matter, and the start of its JSON."""
    wanted = [
        f"{k}: {v}" for k, v in request.headers.items() if k.lower().startswith(("x-tidings", "idempotency"))
    ]
    body = clean(request.body.decode("utf-8", "replace"), 400)
    text = (
        f"POST {request.path}\n"
        + "\n".join(wanted)
        + f"\n\n{body}\n\nsignature verified: {'yes' if verified else 'NO'}"
    )
    return Panel(Text(text), title="the webhook, caught on loopback", title_align="left")


def _evidence_line(story: Evidence) -> str:
    words = f"  [{clean(say_words(story.words[:3]), 70)}]" if story.words else ""
    return f"  {story.sentiment:+.2f} reach {story.reach:>2}  {clean(story.title, 90)}{words}"


def _header(s: Snapshot) -> RenderableType:
    at = f"{s.stream_time:%H:%M}" if s.stream_time else "--:--"
    line = Text.assemble(
        ("Tidings demo ", "bold"), f"{s.phase} · stream time {at} · {s.handled:,}/{s.total:,} messages · ",
        (f"{s.per_second:,.0f}/s", "cyan"), f" · {s.dead_letters} dead letters",
    )  # fmt: skip
    # The bar comes last: it ends without a line break.
    beside = f"{s.model} · live page {s.page}" if s.page else s.model
    return Group(line, Text(beside, "dim"), ProgressBar(total=max(1, s.total), completed=s.handled))


def _topics(s: Snapshot) -> RenderableType:
    table = Table(expand=True, box=None, pad_edge=False)
    table.add_column("topic", width=26, no_wrap=True)
    table.add_column("items", width=7, justify="right")
    table.add_column("now", width=7, justify="right")
    table.add_column("sentiment, 10 minutes a block", no_wrap=True)
    for topic in s.topics:
        latest = next((value for value in reversed(topic.series) if value is not None), 0.0)
        table.add_row(Text(clean(topic.name)), f"{topic.items:,}", f"{latest:+.2f}", sparkline(topic.series))
    return Panel(table, title="sentiment by topic", title_align="left")


def _headlines(s: Snapshot) -> RenderableType:
    table = Table(expand=True, box=None, show_header=False, pad_edge=False)
    table.add_column(width=5, no_wrap=True)
    table.add_column(width=5, no_wrap=True)
    table.add_column(width=16, no_wrap=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for line in s.headlines:
        score = Text(f"{line.sentiment:+.2f}", "red")
        table.add_row(
            f"{line.at:%H:%M}",
            score,
            Text(clean(line.source, 16)),
            Text(clean(line.text), overflow="ellipsis"),
        )
    return Panel(table, title="latest most negative", title_align="left")


def _alerts(s: Snapshot) -> RenderableType:
    if not s.alerts:
        return Panel(Text("none", "dim"), title="alerts", title_align="left")
    lines = [line for alert in s.alerts for line in alert_lines(alert)]
    text = Text("\n".join(lines[:8]), no_wrap=True, overflow="ellipsis")
    return Panel(text, title="alerts", title_align="left", border_style="bold red")
