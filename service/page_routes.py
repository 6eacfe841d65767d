"""The live page's routes: each reads in a thread, a few at a time, and makes its page in the viewer's language."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse

from alerts.evidence import part_of
from alerts.evidence_sql import sql_of
from alerts.own import COUNTS
from dashboards.page import links, reads, reads_subject
from dashboards.page.charts import alert_chart
from dashboards.page.language import Words
from dashboards.page.overview import Shown, overview_values
from dashboards.page.render import render
from dashboards.page.sentences import sentence_of, subject_of
from dashboards.page.subject import PERIODS, charts_of, read_subject
from ingest.entities import entities_of
from service.page_hub import Hub
from service.page_request import language_of, mark_of, page_of, place_of, remember_language
from service.page_words import ExplainedWords
from store import pages
from store.reader import Reader
from tidings.errors import Unavailable
from tidings.types import Scope, Word

T = TypeVar("T")
_AT_ONCE = 4  # reads for pages, so that viewers leave the machine to the stream
_SEARCH_DAYS = 30
_ALERTS_A_PAGE = 25
_STATES = ("firing", "pending", "resolved")


class Routes:
    """The handlers, over a reader and the hub; `static` is where this version's static files are."""

    def __init__(self, reader: Reader, hub: Hub[Shown], known: ExplainedWords, static: str) -> None:
        self._reader = reader
        self._hub = hub
        self._known = known
        self._static = static
        self._slots = anyio.CapacityLimiter(_AT_ONCE)

    async def overview(self, request: Request) -> Response:
        shown = await self._hub.now()
        words = Words(language_of(request))
        values = await self._in_thread(lambda: overview_values(shown, words))
        return await self._page(request, "overview.html", "overview", values, live=True)

    async def live(self, request: Request) -> Response:
        if self._hub.is_full:
            words = Words(language_of(request))
            return PlainTextResponse(words.text("error.503.viewers"), 503, {"Retry-After": "30"})
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        stream = self._hub.events(language_of(request))
        return StreamingResponse(stream, headers=headers, media_type="text/event-stream")

    async def names(self, request: Request) -> Response:
        words = Words(language_of(request))
        query = page_of(request, words, self._static, "names").query

        def read() -> list[reads.Total]:
            reached = pages.latest(self._reader)
            if reached is None:
                return []
            if not query:
                day, after = timedelta(days=1), timedelta(milliseconds=1)
                return reads.totals(self._reader, "entity", reached - day, reached + after, 30)
            also = (*entities_of(query, ""), *entities_of(f"${query}", ""))
            return reads_subject.search(self._reader, query, also, reached - timedelta(days=_SEARCH_DAYS))

        values = {
            "title": words.text("names.title"),
            "heading": words.text("names.found", query=query) if query else words.text("names.loudest"),
            "rows": await self._in_thread(read),
            "days": _SEARCH_DAYS,
        }
        return await self._page(request, "names.html", "names", values)

    async def name(self, request: Request) -> Response:
        return await self._subject(request, "entity", links.name_path, "names")

    async def topic(self, request: Request) -> Response:
        return await self._subject(request, "topic", links.topic_path, "overview")

    async def alerts(self, request: Request) -> Response:
        words = Words(language_of(request))
        state = request.query_params.get("state", "")
        if state and state not in _STATES:
            raise HTTPException(400)
        place = place_of(request.query_params.get("after", ""))
        found = await self._in_thread(
            lambda: pages.alerts_page(self._reader, _ALERTS_A_PAGE + 1, filters={"state": state}, after=place)
        )
        shown = found[:_ALERTS_A_PAGE]
        values = {
            "title": words.text("alerts.title"),
            "alerts": shown,
            "chosen": state or "any",
            "paged": place is not None,
            "older": mark_of(shown[-1].started_at, shown[-1].alert_id) if len(found) > len(shown) else "",
        }
        return await self._page(request, "alerts.html", "alerts", values)

    async def alert(self, request: Request) -> Response:
        key = request.path_params["key"]
        alert = _found(await self._in_thread(lambda: pages.alert_by_id(self._reader, key)))
        words = Words(language_of(request))
        title = words.text(
            "alerts.chart",
            subject=subject_of(alert, words),
            step=words.duration(alert.series[-1].seconds if alert.series else 0),
        )
        values = {
            "title": sentence_of(alert, words),
            "alert": alert,
            "own": alert.fingerprint == COUNTS,
            "figure": alert_chart(alert, title, words.text, words.text("alerts.chart.note")),
            "shares": [part_of(story, alert) for story in alert.evidence],
            "seen": await self._in_thread(lambda: reads_subject.acknowledgement(self._reader, key)),
            "about": {"entity": links.name_path, "topic": links.topic_path}.get(alert.scope, _nowhere)(
                alert.key
            ),
            "sql": sql_of(alert),
        }
        return await self._page(request, "alert.html", "alerts", values)

    async def item(self, request: Request) -> Response:
        key = request.path_params["key"]
        item = _found(await self._in_thread(lambda: reads_subject.read_item(self._reader, key)))
        headline = item.title or item.text
        explained: tuple[Word, ...] = ()
        no_words = "" if self._known.is_on else "item.words.off"
        if self._known.is_on and not item.line.flag:
            try:
                explained = await self._in_thread(lambda: self._known.of(headline))
                no_words = "" if explained else "item.words.none"
            except Unavailable:
                no_words = "item.words.away"
        values = {
            "title": item.line.headline,
            "headline": headline,
            "item": item,
            "explained": explained,
            "no_words": no_words,
        }
        return await self._page(request, "item.html", "", values)

    async def _subject(
        self, request: Request, scope: Scope, path_of: Callable[[str], str], section: str
    ) -> Response:
        key, asked = request.path_params["key"], request.query_params.get("period", "day")
        period = next((name for name in PERIODS if name == asked), None)
        if period is None:
            raise HTTPException(400)
        subject = _found(await self._in_thread(lambda: read_subject(self._reader, scope, key, period)))
        words = Words(language_of(request))
        values = {
            "title": words.text("subject.topic", name=words.topic(key)) if scope == "topic" else key,
            "subject": subject,
            "charts": charts_of(subject, words),
            "periods": list(PERIODS),
            "period": period,
            "path": path_of(key),
        }
        return await self._page(request, "subject.html", section, values)

    async def _page(
        self, request: Request, template: str, section: str, values: dict[str, Any], live: bool = False
    ) -> Response:
        words = Words(language_of(request))
        frame = {
            "page": page_of(request, words, self._static, section),
            "live_url": f"/live?lang={words.language}" if live else "",
        }
        response = HTMLResponse(await self._in_thread(lambda: render(template, words, frame | values)))
        remember_language(request, response)
        return response

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(work, limiter=self._slots)


def _found(value: T | None) -> T:
    if value is None:
        raise HTTPException(404)
    return value


def _nowhere(key: str) -> str:
    return ""
