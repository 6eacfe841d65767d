"""Who may see the live page, and the headers that keep browsers from doing anything else with it."""

import base64
import binascii
import hmac
from collections.abc import Callable, MutableMapping
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.http_server import LOOPBACK
from tidings.errors import ConfigError
from tidings.settings import ApiSettings, read_secret

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_FOR_EVER = "public, max-age=31536000, immutable"  # static files stand under their content's hash
Refuse = Callable[[Request, int], Response]


class Guard:
    """Asks for the login, where one is set; else answers loopback names only, so that no other site's page which
    resolves its own name to this machine can read it. `refuse` makes the page for 401 and 403."""

    def __init__(self, app: ASGIApp, settings: ApiSettings, refuse: Refuse) -> None:
        self._app = app
        self._user = settings.page_user
        self._password = page_password(settings)
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        answer: ASGIApp = self._app
        if not self._password and request.url.hostname not in LOOPBACK:
            answer = self._refuse(request, 403)
        elif self._password and not self._is_known(request.headers.get("authorization", "")):
            answer = self._refuse(request, 401)
            answer.headers["WWW-Authenticate"] = 'Basic realm="Tidings", charset="UTF-8"'
        is_static = "/static/" in scope["path"]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_headers(message, is_static)
            await send(message)

        await answer(scope, receive, send_with_headers)

    def _is_known(self, header: str) -> bool:
        scheme, _, encoded = header.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            user, _, password = base64.b64decode(encoded, validate=True).partition(b":")
        except (binascii.Error, ValueError):
            return False
        known = hmac.compare_digest(user, self._user.encode())
        return hmac.compare_digest(password, self._password.encode()) and known


def page_password(settings: ApiSettings) -> str:
    """The page's password, '' for none; raises ConfigError where the page may be reached from elsewhere without."""
    password = read_secret(settings.page_password, settings.page_password_file)
    if settings.host not in LOOPBACK and not password:
        raise ConfigError(
            f"api.host: {settings.host} is reached from elsewhere: set api.page_password_file as well"
        )
    return password


def _add_headers(message: MutableMapping[str, Any], is_static: bool) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in HEADERS.items():
        headers[name] = value
    if is_static and message["status"] in (200, 304):
        headers["Cache-Control"] = _FOR_EVER
    else:
        headers.setdefault("Cache-Control", "no-cache")
        headers.add_vary_header("Accept-Language, Cookie")
