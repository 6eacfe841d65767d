"""The live page's application: what is wired to what, and the errors as pages."""

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

import dashboards.page
from classifier.explain import explain
from classifier.model import Model
from dashboards.page.language import LANGUAGES, Language, Words
from dashboards.page.render import render
from dashboards.page.view import Seen, View, events
from service.page_guard import Guard, page_password
from service.page_hub import Hub
from service.page_request import language_of, page_of
from service.page_routes import LIVE, Routes
from service.page_views import Views
from service.page_words import ExplainedWords
from store.reader import Reader
from tidings.errors import TidingsError, Unavailable
from tidings.settings import Settings
from tidings.types import Word

log = logging.getLogger(__name__)
STATIC = Path(dashboards.page.__file__).with_name("static")
_MOST_WORDS = 12  # marked in a text


def page_app(settings: Settings, reader: Reader, model: Callable[[], Model]) -> Starlette:
    """The application of the live page; it opens nothing before the first request.

    Raises ConfigError where the page could be reached from elsewhere without a password.
    """
    page_password(settings.api)
    known = ExplainedWords(_explain(model) if settings.alerts.explain else None)
    say = {language: Words(language) for language in LANGUAGES}

    def show(view: View[Any], seen: Seen[Any], language: Language) -> dict[str, str]:
        return events(view, seen, say[language])

    version = _version(STATIC)
    static = f"/static/{version}"
    routes = Routes(Hub(reader, show, settings.api.viewers), static)
    views = Views(settings, known).all().items()

    def failed(request: Request, status: int) -> Response:
        return _error_page(request, status, static)

    async def on_error(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        if isinstance(error, TidingsError):
            status = 503 if isinstance(error, Unavailable) else 500
            log.warning("%s: %s", request.url.path, error)
        return failed(request, status)

    return Starlette(
        routes=[
            *(Route(path, routes.page(view_of)) for path, view_of in views),
            *(Route(f"{LIVE}{path}".rstrip("/"), routes.live(view_of)) for path, view_of in views),
            Mount(static, StaticFiles(directory=STATIC)),
        ],
        middleware=[
            Middleware(Guard, settings=settings.api, refuse=failed),
            Middleware(GZipMiddleware, minimum_size=1_000, compresslevel=4),
        ],
        exception_handlers={HTTPException: on_error, TidingsError: on_error, Exception: on_error},
    )


def _explain(model: Callable[[], Model]) -> Callable[[str], tuple[Word, ...]]:
    return lambda text: explain(model().predict, text).top(_MOST_WORDS)


def _error_page(request: Request, status: int, static: str) -> Response:
    words = Words(language_of(request))
    known = status if status in (400, 401, 403, 404, 405, 503) else 500 if status >= 500 else 400
    values = {
        "page": page_of(request, words, static, ""),
        "live_url": "",
        "title": words.text(f"error.{known}.title"),
        "explanation": words.text(f"error.{known}"),
    }
    return HTMLResponse(render("error.html", words, values), status)


def _version(folder: Path) -> str:
    """Changes when any static file does."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
