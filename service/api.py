"""The HTTP API: its routes, its documentation, and what stands around them."""

from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from service.api_docs_page import docs_page
from service.api_gate import Gate
from service.api_health import health_routes
from service.api_keys import Keys
from service.api_models import Problem
from service.api_parts import Parts
from service.api_people import people_routes
from service.api_problems import add_handlers
from service.api_reads import read_routes
from service.api_score import score_routes
from service.http_server import LOOPBACK
from tidings import __version__
from tidings.errors import ConfigError
from tidings.settings import ApiSettings

_TAGS = [
    {"name": "scoring", "description": "Topic and sentiment of texts, now."},
    {"name": "items", "description": "Items into the stream."},
    {"name": "reading", "description": "What has been counted and stored."},
    {"name": "alerts", "description": "What fires, and what people say about it."},
    {"name": "operation", "description": "For monitors."},
]
_ABOUT = """Financial sentiment on a stream. Guide, with examples: docs/api.md.

Send `Authorization: Bearer KEY`. Errors are `application/problem+json` (RFC 9457). Times are UTC. Lists come newest
first in pages: give `next_cursor` back as `cursor`. Answers to a key say in `RateLimit` what is left of its minute.
"""


def is_api(path: str) -> bool:
    """Whether a path belongs to the API; the rest is the live page's."""
    return path in ("/metrics", "/healthz", "/readyz", "/v1") or path.startswith("/v1/")


def api_keys(settings: ApiSettings) -> Keys | None:
    """The keys that are asked for, None for none; raises ConfigError for settings that would let anybody in."""
    for origin in settings.allowed_origins:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query:
            raise ConfigError(f"api.allowed_origins: write https://host or https://host:port, not {origin!r}")
    if settings.keys_file is not None:
        return Keys(settings.keys_file)
    if settings.host not in LOOPBACK:
        raise ConfigError(
            f"api.host: {settings.host} is reached from elsewhere: set api.keys_file as well, and make a key"
            " with `tidings api keys create`; or set api.port = 0"
        )
    return None


def api_app(parts: Parts) -> ASGIApp:
    """The API as an application; it opens nothing before the first request."""
    settings = parts.settings.api
    app = FastAPI(
        title="Tidings",
        version=__version__,
        description=_ABOUT,
        openapi_tags=_TAGS,
        openapi_url="/v1/openapi.json",
        docs_url=None,  # its pages come from a CDN; ours is below
        redoc_url=None,
        redirect_slashes=False,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    for routes in (score_routes, read_routes, people_routes, health_routes):
        app.include_router(routes(parts))
    add_handlers(app)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # FastAPI's documented way

    async def docs(request: Request) -> Response:
        return docs_page(app.openapi(), request)

    app.add_route("/v1/docs", docs, include_in_schema=False)
    gated: ASGIApp = Gate(app, settings, parts.keys)
    if not settings.allowed_origins:
        return gated
    return CORSMiddleware(
        gated,
        allow_origins=settings.allowed_origins,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["Authorization", "Content-Type"],
        expose_headers=["RateLimit", "RateLimit-Policy", "Retry-After"],
    )


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            tags=app.openapi_tags,
            license_info=app.license_info,
        )
        template = "#/components/schemas/{model}"
        problem = Problem.model_json_schema(ref_template=template, mode="serialization")
        schemas = document["components"]["schemas"]
        schemas |= problem.pop("$defs") | {"Problem": problem}
        app.openapi_schema = document
    return app.openapi_schema
