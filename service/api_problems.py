"""Errors as application/problem+json (RFC 9457): what is wrong, in which field, and what to do."""

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from math import ceil
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from tidings.errors import TidingsError, Unavailable

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5
_CODES = {404: "not_found", 405: "method_not_allowed", 400: "bad_request"}
_DETAILS = {
    404: "There is no such path: see /v1/docs.",
    405: "The path does not take this method, but those of the header Allow: see /v1/docs.",
}
# What each documented status of an error means.
MEANINGS = {
    400: "The body is not JSON.",
    401: "No API key, or one that is unknown or revoked.",
    403: "The key lacks the scope.",
    404: "There is no such thing.",
    413: "The body is larger than `[api] request_bytes`.",
    415: "The body must be sent as `Content-Type: application/json`.",
    421: "Without keys only loopback names may be asked for.",
    422: "A field or parameter is wrong: `errors` names each, and what it should be.",
    429: "The key's requests of this minute are used up: wait for `Retry-After` seconds.",
    503: "A part is away or too busy: send the same again after `Retry-After` seconds, or ask for less at once.",
}


class Problem(Exception):
    """An answer that is an error. `code` is a short stable word; `errors` are field and message of each wrong field."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        errors: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.errors, self.headers = errors, dict(headers or {})

    def response(self) -> Response:
        """As it is sent."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.errors:
            document["errors"] = [{"field": field, "message": message} for field, message in self.errors]
        body = json.dumps(document)  # ASCII: whatever a caller sent can be sent back
        return Response(body, self.status, self.headers, MEDIA_TYPE)


def wrong_field(field: str, message: str) -> Problem:
    """422 about one field or parameter."""
    return Problem(422, "invalid", f"{field}: {message}", [(field, message)])


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For OpenAPI: what these statuses mean, as problems."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": MEANINGS[status], "content": content} for status in statuses}


def problem_of(error: Exception) -> Problem:
    """The answer to an error; what only the operator can mend is logged and not told."""
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return _invalid(error)
        case HTTPException():
            code = _CODES.get(error.status_code, "error")
            detail = _DETAILS.get(error.status_code, str(error.detail))
            return Problem(error.status_code, code, detail, headers=error.headers)
        case Unavailable():
            log.warning("%s", error)
            again = ceil(error.retry_after_seconds or RETRY_SECONDS)
            detail = (
                "A part of the service is away or too busy now: send the same request again, or ask for less."
            )
            return Problem(503, "unavailable", detail, headers={"Retry-After": str(again)})
        case TidingsError():
            log.error("%s", error)
            return Problem(500, "failed", "The service could not answer; its log says why.")
    return Problem(500, "failed", "The service failed; its log says where.")


def add_handlers(app: FastAPI) -> None:
    """Answers every error of the application as a problem."""

    async def handle(request: Request, error: Exception) -> Response:
        problem = problem_of(error)
        if problem.status == 405:
            problem.headers["Allow"] = ", ".join(_methods(app, request))
        return problem.response()

    for kind in (Problem, RequestValidationError, HTTPException, TidingsError, Exception):
        app.add_exception_handler(kind, handle)


def _methods(app: FastAPI, request: Request) -> list[str]:
    """Those of all routes of the path; Starlette tells those of the first."""
    found: set[str] = set()
    for route in app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return sorted(found)


def _invalid(error: RequestValidationError) -> Problem:
    found = error.errors()
    if found and found[0]["type"] == "json_invalid":
        reason, at = found[0]["ctx"]["error"], found[0]["loc"][-1]
        return Problem(400, "invalid_json", f"The body is not JSON: {reason} at character {at}.")
    fields = [
        (".".join(str(part) for part in one["loc"]), one["msg"].removeprefix("Value error, "))
        for one in found[:20]
    ]
    return Problem(422, "invalid", "; ".join(f"{field}: {message}" for field, message in fields[:3]), fields)
