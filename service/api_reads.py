"""GET /v1/windows, /v1/stories, /v1/alerts: what is in the store, a page at a time, newest first."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from alerts.receivers.words import summarise
from service.api_cursor import Cursor, read_cursor, write_cursor
from service.api_gate import needs
from service.api_models import WORD, Moment
from service.api_pages import (
    AcknowledgementShown,
    AlertShown,
    AlertsPage,
    AlertSummary,
    EvidenceShown,
    NotificationShown,
    StoriesPage,
    StoryShown,
    WindowShown,
    WindowsPage,
)
from service.api_parts import Parts
from service.api_problems import Problem, responses
from store import pages
from tidings.types import Alert

Limit = Annotated[int, Query(ge=1, le=1000, description="Most rows of a page.")]
After = Annotated[
    str | None,
    Query(max_length=4000, description="`next_cursor` of the page before; the other parameters stay."),
]
End = Annotated[
    Moment | None, Query(description="To here, not included; just after the latest item stored if left out.")
]
Filter = Annotated[str, Query(max_length=500, pattern=WORD)]
_READ = responses(401, 403, 404, 422, 429, 503)
_DAY = timedelta(days=1)
_USUAL_WINDOWS = 100


def read_routes(parts: Parts) -> APIRouter:
    """The routes."""
    router = APIRouter(dependencies=needs("read"))

    @router.get("/v1/windows", tags=["reading"], summary="Sentiment over time", responses=_READ)
    async def windows(
        scope: Annotated[Literal["all", "topic", "entity", "source"], Query(description="Of what.")] = "all",
        key: Annotated[
            list[Filter], Query(max_length=50, description="Of which; of all that there are if left out.")
        ] = [],  # noqa: B006 - FastAPI copies it
        window: Annotated[Literal["1m", "5m", "1h", "1d"], Query(description="How long each is.")] = "1h",
        start: Annotated[
            Moment | None, Query(description=f"From here; {_USUAL_WINDOWS} windows before `end` if left out.")
        ] = None,
        end: End = None,
        limit: Limit = 100,
        cursor: After = None,
    ) -> WindowsPage:
        """Items, stories and mean sentiment for each key and window that has items, the newest first.

        Scope: `read`."""
        filters = {"scope": scope, "key": sorted(key), "window": window}
        seconds = {"1m": 60, "5m": 300, "1h": 3600, "1d": 86400}[window]
        usual = timedelta(seconds=_USUAL_WINDOWS * seconds)
        after, begin, until = await _period(parts, cursor, filters, start, end, usual)
        rows = await parts.reads.run(
            pages.windows_page, parts.reader, scope, key, seconds, begin, until, limit + 1, _place(after)
        )
        shown = rows[:limit]
        last = (shown[-1].start, shown[-1].key) if len(rows) > limit else None
        return WindowsPage(
            start=begin,
            end=until,
            seconds=seconds,
            next_cursor=_next(last, begin, until, filters),
            windows=[WindowShown.model_validate(row) for row in shown],
        )

    @router.get("/v1/stories", tags=["reading"], summary="Stories", responses=_READ)
    async def stories(
        topic: Filter = "",
        entity: Filter = "",
        source: Filter = "",
        start: Annotated[
            Moment | None, Query(description="From here; a day before `end` if left out.")
        ] = None,
        end: End = None,
        limit: Limit = 100,
        cursor: After = None,
    ) -> StoriesPage:
        """Near-identical items of a UTC day as one story, told by the earliest of them, the newest first.

        Scope: `read`."""
        filters = {"topic": topic, "entity": entity, "source": source}
        after, begin, until = await _period(parts, cursor, filters, start, end, _DAY)
        rows = await parts.reads.run(
            lambda: pages.stories_page(parts.reader, begin, until, limit + 1, **filters, after=_place(after))
        )
        shown = rows[:limit]
        last = (shown[-1].first_published_at, shown[-1].story_id) if len(rows) > limit else None
        return StoriesPage(
            start=begin,
            end=until,
            next_cursor=_next(last, begin, until, filters),
            stories=[StoryShown.model_validate(row) for row in shown],
        )

    @router.get("/v1/alerts", tags=["alerts"], summary="Alerts", responses=_READ)
    async def alerts(
        state: Annotated[Literal["", "pending", "firing", "resolved"], Query()] = "",
        rule: Filter = "",
        severity: Filter = "",
        scope: Filter = "",
        key: Filter = "",
        start: Annotated[Moment | None, Query(description="Started at or after.")] = None,
        end: Annotated[Moment | None, Query(description="Started before.")] = None,
        limit: Limit = 100,
        cursor: After = None,
    ) -> AlertsPage:
        """Those that fire and those that have, the newest first, without their evidence.

        Scope: `read`."""
        filters = {"state": state, "rule": rule, "severity": severity, "scope": scope, "key": key}
        after = _cursor(cursor, filters)
        begin, until = (after.start, after.end) if after else (start, end)
        rows = await parts.reads.run(
            lambda: pages.alerts_page(
                parts.reader, limit + 1, filters=filters, start=begin, end=until, after=_place(after)
            )
        )
        shown = rows[:limit]
        last = (shown[-1].started_at, shown[-1].alert_id) if len(rows) > limit else None
        return AlertsPage(
            start=begin,
            end=until,
            next_cursor=_next(last, begin, until, filters),
            alerts=[AlertSummary.model_validate(_summary(alert)) for alert in shown],
        )

    @router.get(
        "/v1/alerts/{alert_id}",
        tags=["alerts"],
        summary="One alert, with evidence",
        responses=_READ,
    )
    async def alert(alert_id: str) -> AlertShown:
        """What was measured, the stories behind it, who was told, who has seen it.

        Scope: `read`."""
        return await parts.reads.run(_alert, parts, alert_id)

    return router


def _alert(parts: Parts, alert_id: str) -> AlertShown:
    found = pages.alert_by_id(parts.reader, alert_id)
    if found is None:
        raise Problem(404, "not_found", "There is no such alert: see GET /v1/alerts.")
    seen = parts.store.outbox.acknowledgements([alert_id])
    notes = parts.store.outbox.notifications_of(alert_id)
    return AlertShown(
        **_summary(found),
        measured=asdict(found.measured),
        evidence=[EvidenceShown.model_validate(story) for story in found.evidence],
        series=[asdict(window) for window in found.series],
        acknowledgement=AcknowledgementShown.model_validate(seen[0]) if seen else None,
        notifications=[NotificationShown.model_validate(note) for note in notes],
    )


def _summary(alert: Alert) -> dict[str, Any]:
    names = set(AlertSummary.model_fields) - {"summary"}
    return {name: getattr(alert, name) for name in names} | {"summary": summarise(alert)}


async def _period(
    parts: Parts,
    cursor: str | None,
    filters: Mapping[str, Any],
    start: datetime | None,
    end: datetime | None,
    usual: timedelta,
) -> tuple[Cursor | None, datetime, datetime]:
    """The cursor and its period, or the period that was asked for; as long as usual where nothing else is said."""
    after = _cursor(cursor, filters)
    if after and after.start and after.end:
        return after, after.start, after.end
    if end is None:
        latest = await parts.reads.run(pages.latest, parts.reader)
        end = (latest or datetime.now(UTC)) + timedelta(milliseconds=1)
    return None, start or end - usual, end


def _cursor(text: str | None, filters: Mapping[str, Any]) -> Cursor | None:
    try:
        return read_cursor(text, filters) if text else None
    except ValueError as error:
        raise Problem(404, "no_such_page", f"The cursor {error}.") from None


def _place(after: Cursor | None) -> pages.Place | None:
    return (after.at, after.key) if after else None


def _next(
    last: pages.Place | None, start: datetime | None, end: datetime | None, filters: Mapping[str, Any]
) -> str | None:
    return write_cursor(Cursor(*last, start, end), filters) if last else None
