"""What a request to the live page asks for: the language, and values of the address. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dashboards.page.language import LANGUAGES, Language, Words
from store.pages import Place

COOKIE = "lang"
_YEAR_SECONDS = 365 * 86_400
# The texts of the catalogue that scripts write, by the name they know them by.
_SCRIPT_WORDS = {
    **{name: f"live.{name}" for name in ("live", "reconnecting", "paused", "pause", "resume", "new_alert")},
    **{"dark": "page.theme.dark", "light": "page.theme.light", "copied": "page.copied"},
    **{"acknowledged": "ack.done", "not_acknowledged": "ack.failed"},
}


@dataclass(frozen=True)
class Page:
    """What every page's frame needs."""

    static: str  # where this version's static files are
    section: str
    query: str
    other_url: str  # this page in the other language
    other_language: str
    script_words: Mapping[str, str]


def language_of(request: Request) -> Language:
    """?lang, else the cookie, else what the browser asks for, else English."""
    for asked in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        for language in LANGUAGES:
            if asked == language:
                return language
    return _accepted(request.headers.get("accept-language", ""))


def _accepted(header: str) -> Language:
    """The known language with the highest weight (RFC 9110, 12.5.4); of equal ones the first."""
    best, weight = LANGUAGES[0], 0.0
    for part in header.split(","):
        tag, _, parameter = part.strip().partition(";")
        try:
            quality = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        for language in LANGUAGES:
            if tag.strip().lower().split("-")[0] == language and quality > weight:
                best, weight = language, quality
    return best


def remember_language(request: Request, response: Response) -> None:
    """Keeps a language that the address chose."""
    if request.query_params.get("lang") in LANGUAGES:
        response.set_cookie(COOKIE, language_of(request), _YEAR_SECONDS, httponly=True, samesite="lax")


def page_of(request: Request, words: Words, static: str, section: str) -> Page:
    """The frame of the page that answers this request."""
    other = next(language for language in LANGUAGES if language != words.language)
    asked = {name: value for name, value in request.query_params.items() if name != "lang"}
    return Page(
        static=static,
        section=section,
        query=query_of(request) if section == "names" else "",
        other_url=f"?{urlencode(asked | {'lang': other}, errors='replace')}",
        other_language=Words(other).html_language,
        script_words={name: words.text(key) for name, key in _SCRIPT_WORDS.items()},
    )


def query_of(request: Request) -> str:
    """What is searched for."""
    return " ".join(request.query_params.get("q", "").split())[:100]


def place_of(text: str) -> Place | None:
    """Where a page of alerts goes on, as `mark_of` wrote it; None for the first page. Raises HTTPException (400)."""
    if not text:
        return None
    at, _, alert_id = text.partition("~")
    try:
        return datetime.fromtimestamp(int(at) / 1000, UTC), alert_id
    except (ValueError, OverflowError, OSError):
        raise HTTPException(400) from None


def mark_of(started_at: datetime, alert_id: str) -> str:
    """The place of an alert in the list, for the address."""
    return f"{round(started_at.timestamp() * 1000)}~{alert_id}"
