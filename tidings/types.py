"""The values that pass between the wings of Tidings. All times are timezone-aware UTC."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Kind = Literal["news", "social"]
Scope = Literal["all", "topic", "entity", "source", "topic_entity"]
SCOPES: tuple[Scope, ...] = ("all", "topic", "entity", "source", "topic_entity")
SentimentLabel = Literal["negative", "neutral", "positive"]
SENTIMENTS: tuple[SentimentLabel, ...] = ("negative", "neutral", "positive")
Flag = Literal["", "language", "no_words"]
AlertState = Literal["pending", "firing", "resolved"]
NotificationReason = Literal["firing", "changed", "repeat", "resolved", "digest"]
NotificationState = Literal["waiting", "sent", "failed", "dropped"]


@dataclass(frozen=True, slots=True)
class Item:
    """One text as it was published. `story_id` is shared by near-identical items of one UTC day."""

    item_id: str
    source: str
    kind: Kind
    published_at: datetime
    title: str
    text: str
    url: str = ""
    lang: str = "en"
    tickers: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    story_id: str = ""

    @property
    def headline(self) -> str:
        """What a person reads first: the title, or the text where there is none."""
        return self.title or self.text


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the classifier says of one text; the three sentiment probabilities sum to 1.

    `flag` says why the text was not read: "language" (not English), "no_words" (only mentions, URLs,
    figures, emoji, punctuation), or "" for a text that was scored. A flagged text is neutral with low
    confidence and counts in no window as a negative story.
    """

    topic: str
    topic_p: float
    p_negative: float
    p_neutral: float
    p_positive: float
    model_version: str
    flag: Flag = ""

    @property
    def sentiment(self) -> float:
        """p_positive - p_negative, in [-1, 1]."""
        return self.p_positive - self.p_negative

    @property
    def sentiment_label(self) -> SentimentLabel:
        """The most probable of the three; a tie goes to neutral."""
        best = max(self.p_negative, self.p_neutral, self.p_positive)
        if self.p_neutral == best or self.p_negative == self.p_positive:
            return "neutral"
        return "negative" if self.p_negative == best else "positive"


@dataclass(frozen=True, slots=True)
class ScoredItem:
    """An item with its prediction and where in Kafka it came from."""

    item: Item
    prediction: Prediction
    scored_at: datetime
    kafka_topic: str = ""
    kafka_partition: int = 0
    kafka_offset: int = 0


@dataclass(frozen=True, slots=True)
class Consumed:
    """What became of one message: an item was stored (`item_id`), or it went to the dead letters (`reason`).

    `published_at` is the item's; without it the item counts as published when this is recorded.
    """

    kafka_topic: str
    kafka_partition: int
    kafka_offset: int
    item_id: str = ""
    reason: str = ""
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """Sums over the half-open interval [start, start + seconds) for one key of one scope.

    A story counts once, in the minute of its earliest item, with that item's prediction;
    `negative_story_sum` is the sum of p_negative over stories that were not flagged (the expected number of
    negative stories), `sentiment_sum` the sum of sentiment over items.
    """

    scope: Scope
    key: str
    start: datetime
    seconds: int
    items: int = 0
    negative_items: int = 0
    positive_items: int = 0
    sentiment_sum: float = 0.0
    stories: int = 0
    negative_stories: int = 0
    negative_story_sum: float = 0.0


@dataclass(frozen=True, slots=True)
class Filters:
    """Which items are looked at; an empty field lets everything pass."""

    sources: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    languages: tuple[str, ...] = ()


NO_FILTERS = Filters()


@dataclass(frozen=True, slots=True)
class Measured:
    """How a condition came to its value, and the inputs from which the same figures can be computed again.

    `direction` says which values are unusual: those above what is expected, or those below.

    `lower` and `upper` bound what the baseline explains (its central 95 %), `threshold` is the p_value below which the
    rule fires. `share` is the part of the stories that were negative, None where the kind has no share.
    `filters` and `source_weights` are the rule's. `without_story` and `without_source` say whether the rule would have
    fired all the same without the largest story, or without the largest source (None: not known); `began_at` when the
    burst began. `headline_share` is the part of the negative stories whose headline was about the key, when it was
    asked before firing.
    """

    kind: str = "spike"
    measure: str = "negative stories"
    direction: Literal["above", "below"] = "above"
    lower: float = 0.0
    upper: float = 0.0
    threshold: float = 0.0
    stories: int = 0
    sources: int = 0
    share: float | None = None
    share_expected: float | None = None
    share_p_value: float | None = None
    inputs: dict[str, list[float]] = field(default_factory=dict)
    filters: Filters = field(default_factory=Filters)
    without_story: bool | None = None
    without_source: bool | None = None
    began_at: datetime | None = None
    headline_share: float | None = None
    source_weights: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in a headline, by its key: the text between it and the mention before it, and that up to the next."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Word:
    """A word of some text, text[start:end], and how far it moved the text's sentiment, in [-2, 2]."""

    word: str
    start: int
    end: int
    weight: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """One story behind an alert: its earliest item and its reach (how many items carried it).

    `words` are the few words of `title` that moved its sentiment most, the strongest first.
    """

    item_id: str
    title: str
    published_at: datetime
    source: str
    url: str
    sentiment: float
    p_negative: float
    reach: int = 1
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Alert:
    """One rule's finding about one key, from pending to resolved.

    `alert_id` names one episode (fingerprint and start); `fingerprint` the rule and labels.
    `value` is the observed number of negative stories, `expected` the baseline's mean,
    `p_value` the upper tail probability of `value` under the baseline.
    """

    alert_id: str
    fingerprint: str
    rule: str
    scope: Scope
    key: str
    severity: str
    state: AlertState
    value: float
    expected: float
    p_value: float
    window_seconds: int
    started_at: datetime
    fired_at: datetime | None = None
    resolved_at: datetime | None = None
    updated_at: datetime | None = None
    labels: dict[str, str] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    series: tuple[Window, ...] = ()
    measured: Measured = field(default_factory=Measured)
    annotations: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notification:
    """One message to one receiver: why it is sent and about which alerts, as they were then.

    `notification_id` is the idempotency key: the same for every attempt. `group` is the group key, `error` why the last
    attempt failed (without secrets).
    """

    notification_id: str
    receiver: str
    group: str
    reason: NotificationReason
    alerts: tuple[Alert, ...]
    created_at: datetime
    state: NotificationState = "waiting"
    attempts: int = 0
    next_attempt_at: datetime | None = None
    sent_at: datetime | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A notification as routing remembers it: to whom it went, when, and which states of which alerts it told."""

    notification_id: str
    receiver: str
    group: str
    reason: NotificationReason
    created_at: datetime
    states: dict[str, AlertState]


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts whose labels match all of `matchers` (name to glob pattern) tell nobody in [starts_at, ends_at)."""

    silence_id: str
    matchers: dict[str, str]
    author: str
    reason: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody has seen an alert: it is not repeated; until `snoozed_until` its end is not told either."""

    alert_id: str
    author: str
    note: str
    acknowledged_at: datetime
    snoozed_until: datetime | None = None
