"""The pages as views: what stands at each address, made from a request. Nothing is read yet."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from alerts.evidence import part_of
from alerts.evidence_sql import sql_of
from alerts.own import COUNTS
from alerts.receivers.build import receiver_names
from alerts.routing import make_policy
from dashboards.page import links, reads, reads_subject, reads_told
from dashboards.page.charts import alert_chart
from dashboards.page.language import Words
from dashboards.page.overview import Shown, overview_values
from dashboards.page.sentences import sentence_of, subject_of
from dashboards.page.subject import PERIODS, Subject, charts_of, read_subject
from dashboards.page.view import View
from ingest.entities import entities_of
from service.page_alert import Known, read_alert
from service.page_request import mark_of, place_of, query_of
from service.page_words import ExplainedWords
from store import pages
from store.reader import Reader
from tidings.errors import Unavailable
from tidings.settings import Settings
from tidings.types import Acknowledgement, Alert, Scope, Word

_SEARCH_DAYS, _LOUDEST = 30, 30
_ALERTS_A_PAGE = 25
_STATES = ("firing", "pending", "resolved")
_NEW_WORDS = 2  # texts explained for the tape at each look
_TELLING = -0.5  # a sentiment below which the tape says why


@dataclass(frozen=True, slots=True)
class _ItemShown:
    """`no_words` is the key of the text that says why there are none."""

    item: reads_subject.Full
    explained: tuple[Word, ...]
    no_words: str


@dataclass(frozen=True, slots=True)
class _Listed:
    """A page of the list of alerts: one more than are shown, where there are more."""

    alerts: tuple[Alert, ...]
    seen: dict[str, Acknowledgement]


class Views:
    """Each method takes a request; they raise HTTPException (400) for values that make no sense."""

    def __init__(self, settings: Settings, known: ExplainedWords) -> None:
        self._known = known
        self._replayed = settings.clock == "stream"
        self._keys_asked = settings.api.keys_file is not None
        self._policy = make_policy(settings.routing)
        self._receivers = receiver_names(settings)

    def all(self) -> dict[str, Callable[[Request], View[Any]]]:
        """By the path of its route."""
        return {
            "/": self.overview,
            "/names": self.names,
            "/names/{key:path}": self.name,
            "/topics/{key:path}": self.topic,
            "/alerts": self.alerts,
            "/alerts/{key:path}": self.alert,
            "/items/{key:path}": self.item,
        }

    def overview(self, request: Request) -> View[Shown]:
        def read(reader: Reader) -> Shown:
            overview = reads.read_overview(reader, datetime.now(UTC))
            negative = [
                line.headline for line in overview.tape if not line.flag and line.sentiment < _TELLING
            ]
            self._known.learn(negative, _NEW_WORDS)
            return Shown(overview, {line.item_id: self._known.known(line.headline) for line in overview.tape})

        def values(shown: Shown, words: Words) -> dict[str, Any]:
            return overview_values(shown, words, self._replayed)

        return View("/", "overview.html", "overview", read, values, first=True)

    def names(self, request: Request) -> View[tuple[reads.Total, ...]]:
        query = query_of(request)

        def read(reader: Reader) -> tuple[reads.Total, ...]:
            reached = pages.latest(reader)
            if reached is None:
                return ()
            if not query:
                start, end = reached - timedelta(days=1), reached + timedelta(milliseconds=1)
                return tuple(reads.totals(reader, "entity", start, end, _LOUDEST))
            also = (*entities_of(query, ""), *entities_of(f"${query}", ""))
            return tuple(reads_subject.search(reader, query, also, reached - timedelta(days=_SEARCH_DAYS)))

        def values(rows: tuple[reads.Total, ...], words: Words) -> dict[str, Any]:
            heading = words.text("names.found", query=query) if query else words.text("names.loudest")
            return {
                "title": words.text("names.title"),
                "heading": heading,
                "rows": rows,
                "days": _SEARCH_DAYS,
            }

        path = f"/names{links.query(q=query)}"
        return View(path, "names.html", "names", read, values, live=False)

    def name(self, request: Request) -> View[Subject]:
        return self._subject(request, "entity", links.name_path, "names")

    def topic(self, request: Request) -> View[Subject]:
        return self._subject(request, "topic", links.topic_path, "overview")

    def alerts(self, request: Request) -> View[_Listed]:
        state, mark = request.query_params.get("state", ""), request.query_params.get("after", "")
        if state and state not in _STATES:
            raise HTTPException(400)
        place = place_of(mark)

        def read(reader: Reader) -> _Listed:
            found = pages.alerts_page(reader, _ALERTS_A_PAGE + 1, filters={"state": state}, after=place)
            seen = reads_told.acknowledgements(reader, [alert.alert_id for alert in found])
            return _Listed(tuple(found), seen)

        def values(listed: _Listed, words: Words) -> dict[str, Any]:
            shown = listed.alerts[:_ALERTS_A_PAGE]
            more = len(listed.alerts) > len(shown)
            return {
                "title": words.text("alerts.title"),
                "alerts": shown,
                "seen": listed.seen,
                "chosen": state or "any",
                "paged": place is not None,
                "older": mark_of(shown[-1].started_at, shown[-1].alert_id) if more else "",
            }

        path = f"/alerts{links.query(state=state, after=mark)}"
        return View(path, "alerts.html", "alerts", read, values, live=place is None, first=True)

    def alert(self, request: Request) -> View[Known]:
        key = request.path_params["key"]

        def read(reader: Reader) -> Known | None:
            return read_alert(reader, key, self._policy, self._receivers, datetime.now(UTC))

        def values(known: Known, words: Words) -> dict[str, Any]:
            alert = known.alert
            step = words.duration(alert.series[-1].seconds if alert.series else 0)
            title = words.text("alerts.chart", subject=subject_of(alert, words), step=step)
            chart = alert_chart(alert, title, words.text, words.text("alerts.chart.note"))
            about = {"entity": links.name_path, "topic": links.topic_path}.get(alert.scope)
            return {
                "title": sentence_of(alert, words),
                "alert": alert,
                "own": alert.fingerprint == COUNTS,
                "charts": [chart] if chart else [],
                "shares": [part_of(story, alert) for story in alert.evidence],
                "about": about(alert.key) if about else "",
                "sql": sql_of(alert),
                "seen": known.seen,
                "deliveries": known.deliveries,
                "quiet": known.quiet,
                "nobody": known.nobody,
                "keys_asked": self._keys_asked,
                "command": words.text("ack.command", id=shlex.quote(alert.alert_id)),
            }

        return View(links.alert_path(key), "alert.html", "alerts", read, values)

    def item(self, request: Request) -> View[_ItemShown]:
        key = request.path_params["key"]

        def read(reader: Reader) -> _ItemShown | None:
            item = reads_subject.read_item(reader, key)
            return None if item is None else _ItemShown(item, *self._words_of(item))

        def values(shown: _ItemShown, words: Words) -> dict[str, Any]:
            return {
                "title": shown.item.line.headline,
                "headline": shown.item.title or shown.item.text,
                "item": shown.item,
                "explained": shown.explained,
                "no_words": shown.no_words,
            }

        return View(links.item_path(key), "item.html", "", read, values, live=False)

    def _words_of(self, item: reads_subject.Full) -> tuple[tuple[Word, ...], str]:
        if not self._known.is_on:
            return (), "item.words.off"
        try:
            explained = () if item.line.flag else self._known.of(item.title or item.text)
        except Unavailable:
            return (), "item.words.away"
        return explained, "" if explained else "item.words.none"

    def _subject(
        self, request: Request, scope: Scope, path_of: Callable[[str], str], section: str
    ) -> View[Subject]:
        key, asked = request.path_params["key"], request.query_params.get("period", "day")
        period = next((name for name in PERIODS if name == asked), None)
        if period is None:
            raise HTTPException(400)

        def read(reader: Reader) -> Subject | None:
            return read_subject(reader, scope, key, period)

        def values(subject: Subject, words: Words) -> dict[str, Any]:
            return {
                "title": words.text("subject.topic", name=words.topic(key)) if scope == "topic" else key,
                "subject": subject,
                "charts": charts_of(subject, words),
                "periods": list(PERIODS),
                "period": period,
                "path": path_of(key),
            }

        return View(f"{path_of(key)}{links.query(period=period)}", "subject.html", section, read, values)
