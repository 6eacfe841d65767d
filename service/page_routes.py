"""The live page's routes: each view as a page in the viewer's language, and as a stream of events."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import anyio
import anyio.to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse

from dashboards.page.language import Language, Words
from dashboards.page.render import render
from dashboards.page.view import Seen, View
from service.page_hub import Hub
from service.page_request import language_of, page_of, remember_language

LIVE = "/live"  # before a page's address: its events
ViewOf = Callable[[Request], View[Any]]
Handler = Callable[[Request], Awaitable[Response]]
_AT_ONCE = 4  # pages made, so that viewers leave the machine to the stream


class Routes:
    """The handlers, over the hub; `static` is where this version's static files are."""

    def __init__(self, hub: Hub, static: str) -> None:
        self._hub = hub
        self._static = static
        self._slots = anyio.CapacityLimiter(_AT_ONCE)

    def page(self, view_of: ViewOf) -> Handler:
        """The whole page."""

        async def handle(request: Request) -> Response:
            view, words = view_of(request), Words(language_of(request))
            seen = await self._seen(view)

            def html() -> str:
                frame = {
                    "page": page_of(request, words, self._static, view.section),
                    "live_url": _live_url(view.path, words.language) if view.live else "",
                    "away": seen.away,
                }
                return render(view.template, words, {**frame, **view.values(seen.value, words)})

            response = HTMLResponse(await anyio.to_thread.run_sync(html, limiter=self._slots))
            remember_language(request, response)
            return response

        return handle

    def live(self, view_of: ViewOf) -> Handler:
        """What changes on the page, as server-sent events."""

        async def handle(request: Request) -> Response:
            view, language = view_of(request), language_of(request)
            if not view.live:
                raise HTTPException(404)
            if not self._hub.has_room(view):
                full = Words(language).text("error.503.viewers")
                return PlainTextResponse(full, 503, {"Retry-After": "30"})
            await self._seen(view)
            headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
            stream = self._hub.events(view, language)
            return StreamingResponse(stream, headers=headers, media_type="text/event-stream")

        return handle

    async def _seen(self, view: View[Any]) -> Seen[Any]:
        seen = await self._hub.now(view)
        if seen is None:
            raise HTTPException(404)
        return seen


def _live_url(path: str, language: Language) -> str:
    start = f"{LIVE}{path}".rstrip("/")
    return f"{start}{'&' if '?' in start else '?'}{urlencode({'lang': language})}"
