"""What every request to the API passes: whose it is, whether it may, how large it is; and its metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic, perf_counter
from typing import Annotated

from fastapi import Depends, Security
from fastapi.params import Depends as Dependency
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api_keys import SCOPES, Keys
from service.api_keys import Scope as KeyScope
from service.api_limits import Allowance, RateLimit
from service.api_problems import Problem, problem_of, wrong_field
from service.http_server import LOOPBACK
from tidings.errors import TidingsError
from tidings.metrics import API_REQUESTS, API_SECONDS
from tidings.settings import ApiSettings

OPEN = ("/healthz", "/readyz", "/v1/openapi.json", "/v1/docs")  # for monitors and readers, without a key
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_bearer = HTTPBearer(auto_error=False, scheme_name="ApiKey", description="Made by `tidings api keys create`.")


@dataclass(frozen=True)
class Caller:
    """Who asks: the key's name, empty where no keys are asked for."""

    name: str
    scopes: tuple[KeyScope, ...]


class Gate:
    """Middleware around the API. Without `keys` every scope is open, to names of this machine only: a page of another
    site that resolves its own name to loopback (DNS rebinding) is turned away by its Host."""

    def __init__(self, app: ASGIApp, settings: ApiSettings, keys: Keys | None) -> None:
        self._app = app
        self._keys = keys
        self._request_bytes = settings.request_bytes
        self._limit = RateLimit(settings.requests_per_minute if keys else 0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = perf_counter()
        allowance: Allowance | None = None

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Cache-Control", "no-store")
                if allowance:
                    self._tell(headers, allowance)
                self._measure(scope, message["status"], perf_counter() - began)
            await send(message)

        try:
            if self._keys is None and Request(scope).url.hostname not in LOOPBACK:
                hosts = ", ".join(LOOPBACK)
                raise Problem(421, "wrong_host", f"Without api.keys_file only {hosts} may be asked for.")
            if scope["path"] not in OPEN:
                caller = self._caller(Headers(scope=scope))
                scope.setdefault("state", {})["caller"] = caller
                if self._limit.per_minute:
                    allowance = self._limit.take(caller.name, monotonic())
                    if not allowance.allowed:
                        wait = {"Retry-After": str(allowance.next_seconds)}
                        detail = f"This key may make {self._limit.per_minute} requests a minute: wait."
                        raise Problem(429, "rate_limited", detail, headers=wait)
            body = await self._body(Headers(scope=scope), receive)
        except (Problem, TidingsError) as error:
            await problem_of(error).response()(scope, receive, answer)
            return
        await self._app(scope, _replayed(body, receive), answer)

    def _caller(self, headers: Headers) -> Caller:
        if self._keys is None:
            return Caller("", SCOPES)
        scheme, _, key = headers.get("authorization", "").partition(" ")
        found = self._keys.find(key.strip()) if scheme.lower() == "bearer" else None
        if found is None:
            how = "Send an API key that is in use: Authorization: Bearer tidings_..."
            raise Problem(401, "unauthorized", how, headers={"WWW-Authenticate": "Bearer"})
        return Caller(found.name, found.scopes)

    async def _body(self, headers: Headers, receive: Receive) -> bytes:
        said = headers.get("content-length", "")
        if said.isdecimal() and int(said) > self._request_bytes:
            raise self._too_large()
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._request_bytes:
                raise self._too_large()
        return bytes(body)

    def _too_large(self) -> Problem:
        most = (
            f"A body may have {self._request_bytes:,} bytes: send less at once, or raise api.request_bytes."
        )
        return Problem(413, "too_large", most, headers={"Connection": "close"})

    def _tell(self, headers: MutableHeaders, allowance: Allowance) -> None:
        headers["RateLimit-Policy"] = f'"key";q={self._limit.per_minute};w=60'
        headers["RateLimit"] = f'"key";r={allowance.remaining};t={allowance.next_seconds}'

    def _measure(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        API_REQUESTS.labels(route, method, str(status)).inc()
        API_SECONDS.labels(route).observe(seconds)


def caller_of(request: Request) -> Caller:
    """Who asks."""
    caller: Caller = request.state.caller
    return caller


async def _check(
    request: Request,
    scopes: SecurityScopes,
    _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> None:
    held = caller_of(request).scopes
    if missing := [scope for scope in scopes.scopes if scope not in held]:
        raise Problem(403, "forbidden", f"The key lacks the scope {missing[0]}: make one that has it.")
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    # A form or text of another site's page is sent by a browser without asking; JSON is not.
    if request.method == "POST" and sent != "application/json":
        raise Problem(415, "not_json", "Send the body as Content-Type: application/json.")
    # A filter whose name is misspelt would select everything.
    known = {parameter.alias for parameter in request.scope["route"].dependant.query_params}
    if unknown := sorted(request.query_params.keys() - known if known else ()):
        raise wrong_field(
            f"query.{unknown[0][:100]}", f"there is no such parameter; known: {', '.join(sorted(known))}"
        )


def needs(scope: KeyScope) -> Sequence[Dependency]:
    """The dependencies of a route that asks for a scope."""
    security: Dependency = Security(_check, scopes=[scope])
    return [security]


def _replayed(body: bytes, receive: Receive) -> Receive:
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
