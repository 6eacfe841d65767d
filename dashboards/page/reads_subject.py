"""What the pages of a name, a topic and an item read, and the search for names."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dashboards.page.reads import LINE_SQL, Line, Total, line_of, total_of
from store.reader import Reader
from tidings.types import Scope

MOST_FOUND, MOST_STORIES, MOST_ROWS, MOST_COPIES = 50, 20, 10, 50
MOST_CHARACTERS = 20_000  # of an item's text
_AT = "DateTime64(3,'UTC')"
_NAMED = {"entity": "has(entities, {key:String})", "topic": "topic = {key:String}"}
_GROUPS = {"source": "[toString(source)]", "topic": "[toString(topic)]", "entity": "arrayDistinct(entities)"}


@dataclass(frozen=True, slots=True)
class Told:
    """A story: its earliest item, and how many items carried it."""

    item_id: str
    headline: str
    published_at: datetime
    source: str
    url: str
    sentiment: float
    reach: int


@dataclass(frozen=True, slots=True)
class Share:
    """A source, topic or name among the items on a subject."""

    key: str
    stories: int
    negative_stories: int
    sentiment: float


@dataclass(frozen=True, slots=True)
class Full:
    """One item with all that was found in it, and the other items of its story."""

    line: Line
    title: str
    text: str
    url: str
    kind: str
    topic_p: float
    probabilities: tuple[float, float, float]  # negative, neutral, positive
    model_version: str
    copies: tuple[Line, ...]


def search(reader: Reader, text: str, also: Sequence[str], since: datetime) -> list[Total]:
    """Names that hold the text, or are among `also`, with their sums since then: what fits best, then the loudest."""
    rows = reader.query(
        "SELECT w.key, sum(w.items), sum(w.stories), sum(w.negative_stories), sum(w.sentiment_sum)"
        f" FROM window_rows AS w FINAL WHERE w.scope = 'entity' AND w.start >= {{since:{_AT}}}"
        " AND (positionCaseInsensitiveUTF8(w.key, {text:String}) > 0 OR w.key IN {also:Array(String)})"
        " GROUP BY w.key HAVING sum(w.items) > 0"
        " ORDER BY w.key IN {also:Array(String)} DESC, lowerUTF8(w.key) = lowerUTF8({text:String}) DESC,"
        " startsWith(lowerUTF8(w.key), lowerUTF8({text:String})) DESC, sum(w.stories) DESC, w.key LIMIT {most:UInt32}",
        {"text": text, "also": list(also), "since": since, "most": MOST_FOUND},
    )
    return [total_of(row) for row in rows]


def stories(reader: Reader, scope: Scope, key: str, start: datetime, end: datetime) -> list[Told]:
    """Stories of [start, end) on the subject, the newest first."""
    rows = reader.query(
        "SELECT argMin(item_id, (published_at, item_id)),"
        " argMin(substringUTF8(if(title = '', text, title), 1, 400), (published_at, item_id)),"
        " min(published_at) AS first_at, argMin(source, (published_at, item_id)), argMin(url, (published_at, item_id)),"
        " argMin(sentiment, (published_at, item_id)), count()"
        f" FROM items WHERE published_at >= {{start:{_AT}}} AND published_at < {{end:{_AT}}} AND {_NAMED[scope]}"
        " GROUP BY toDate(toStartOfMinute(published_at)), story_id"
        " ORDER BY first_at DESC, story_id LIMIT {most:UInt32}",
        {"key": key, "start": start, "end": end, "most": MOST_STORIES},
    )
    return [
        Told(item_id, headline, at.astimezone(UTC), source, url, float(sentiment), int(reach))
        for item_id, headline, at, source, url, sentiment, reach in rows
    ]


def shares(reader: Reader, scope: Scope, key: str, by: Scope, start: datetime, end: datetime) -> list[Share]:
    """What the items of [start, end) on the subject split into `by` (source, topic or entity), the largest first."""
    rows = reader.query(
        f"SELECT arrayJoin({_GROUPS[by]}) AS part, uniqExact(story_id) AS stories,"
        " uniqExactIf(story_id, sentiment_label = 'negative'), avg(sentiment)"
        f" FROM items WHERE published_at >= {{start:{_AT}}} AND published_at < {{end:{_AT}}} AND {_NAMED[scope]}"
        " GROUP BY part HAVING part != {key:String} ORDER BY stories DESC, part LIMIT {most:UInt32}",
        {"key": key, "start": start, "end": end, "most": MOST_ROWS},
    )
    return [Share(part, int(count), int(negative), float(mean)) for part, count, negative, mean in rows]


def read_item(reader: Reader, item_id: str) -> Full | None:
    """The item as it is stored now; None when there is none of this id."""
    rows = reader.query(
        f"SELECT {LINE_SQL}, title, substringUTF8(text, 1, {MOST_CHARACTERS}), url, kind, topic_p, p_negative,"
        " p_neutral, p_positive, model_version, story_id FROM items WHERE toStartOfMinute(published_at) IN"
        " (SELECT minute FROM item_minutes WHERE item_id = {id:String}) AND item_id = {id:String}",
        {"id": item_id},
    )
    if not rows:
        return None
    *line, title, text, url, kind, topic_p, negative, neutral, positive, model, story_id = rows[0]
    told = line_of(tuple(line))
    return Full(
        told, title, text, url, kind, float(topic_p), (float(negative), float(neutral), float(positive)), model,
        tuple(_copies(reader, told, story_id)),
    )  # fmt: skip


def _copies(reader: Reader, told: Line, story_id: str) -> list[Line]:
    """The other items of the same story of that UTC day, the earliest first."""
    rows = reader.query(
        f"SELECT {LINE_SQL} FROM items WHERE (toStartOfMinute(published_at), story_id) IN"
        " (SELECT toStartOfMinute(published_at), story_id FROM story_items"
        f" WHERE toStartOfDay(published_at) = toStartOfDay({{at:{_AT}}}) AND story_id = {{story:String}})"
        " AND item_id != {id:String} ORDER BY published_at, item_id LIMIT {most:UInt32}",
        {"at": told.published_at, "story": story_id, "id": told.item_id, "most": MOST_COPIES},
    )
    return [line_of(row) for row in rows]


def first_start(reader: Reader) -> datetime | None:
    """The start of the earliest window; None when there is none."""
    ((start, count),) = reader.query("SELECT min(start), count() FROM window_rows WHERE scope = 'all'")
    return start.astimezone(UTC) if count else None


def reference_start(first: datetime | None, start: datetime, span: timedelta, times: int) -> datetime | None:
    """Where the time begins that the span from `start` on is compared with: up to `times` spans before it, of which
    at least one lies in the data; None where there is not as much."""
    if first is None or first > start - span:
        return None
    whole = min(times, int((start - first) / span))
    return start - span * whole
