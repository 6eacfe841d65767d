"""What the API shows of the store: windows, stories, alerts, a page at a time."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from service.api_models import Shown, Word


class WindowShown(Shown):
    start: datetime
    scope: Literal["all", "topic", "entity", "source"]
    key: str
    items: int
    stories: int = Field(description="Near-identical items count once.")
    negative_items: int
    positive_items: int
    negative_stories: int
    negative_story_sum: float = Field(description="The expected number of negative stories.")
    sentiment: float = Field(description="Mean over the items, in [-1, 1].")
    late_items: int
    status: Literal["final", "provisional"]


class Page(Shown):
    start: datetime | None = Field(description="The period that was read: from here")
    end: datetime | None = Field(description="to here, not included.")
    next_cursor: str | None = Field(
        description="Give it as `cursor` for the next page; null on the last page."
    )


class WindowsPage(Page):
    seconds: int = Field(description="The length of each window.")
    windows: list[WindowShown]


class StoryShown(Shown):
    story_id: str
    first_published_at: datetime
    last_published_at: datetime
    title: str = Field(description="Of its earliest item, cut at 500 characters.")
    topic: str
    sentiment: float
    p_negative: float
    reach: int = Field(description="How many items carried it.")
    sources: list[str]
    entities: list[str] = Field(description="Companies, countries and people that it speaks of.")


class StoriesPage(Page):
    stories: list[StoryShown]


class EvidenceShown(Shown):
    item_id: str
    title: str
    published_at: datetime
    source: str
    url: str
    sentiment: float
    p_negative: float
    reach: int
    words: list[Word]


class AlertSummary(Shown):
    alert_id: str
    rule: str
    scope: str
    key: str
    severity: str
    state: Literal["pending", "firing", "resolved"]
    summary: str = Field(description="The finding in a sentence.")
    value: float
    expected: float
    p_value: float
    window_seconds: int
    started_at: datetime
    fired_at: datetime | None
    resolved_at: datetime | None
    updated_at: datetime | None
    labels: dict[str, str]
    annotations: dict[str, str]


class AlertsPage(Page):
    alerts: list[AlertSummary]


class AcknowledgementShown(Shown):
    alert_id: str
    author: str
    note: str
    acknowledged_at: datetime
    snoozed_until: datetime | None


class NotificationShown(Shown):
    notification_id: str
    receiver: str
    reason: str
    state: str
    created_at: datetime
    sent_at: datetime | None
    attempts: int


class AlertShown(AlertSummary):
    measured: dict[str, Any] = Field(description="What was measured, and the inputs to compute it again.")
    evidence: list[EvidenceShown]
    series: list[dict[str, Any]] = Field(description="The windows of the key around the alert.")
    acknowledgement: AcknowledgementShown | None
    notifications: list[NotificationShown]
