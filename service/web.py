"""The HTTP server of `tidings run`: the API under /v1, the live page at /, and what monitors ask for."""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from starlette.types import ASGIApp, Receive, Scope, Send

from classifier.model import Model
from service.api import api_app, api_keys, is_api
from service.api_parts import Parts
from service.http_server import serving
from service.page import page_app
from store.store import Store
from tidings.settings import Settings

log = logging.getLogger(__name__)


@contextmanager
def serving_web(settings: Settings, store: Store, model: Callable[[], Model]) -> Iterator[int]:
    """Serves until the block ends, and yields the port; raises ConfigError for unsafe settings."""
    with closing(Parts(settings, store, model, api_keys(settings.api))) as parts:
        app = _app(parts, page_app(settings, parts.reader, model))
        with serving(app, settings.api.host, settings.api.port, "api") as port:
            log.info("page and API at http://%s:%s/", settings.api.host, port)
            yield port


def _app(parts: Parts, page: ASGIApp) -> ASGIApp:
    api = api_app(parts)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await (api if is_api(scope.get("path", "")) else page)(scope, receive, send)

    return app
