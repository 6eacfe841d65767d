"""The live page beside the demo: on the settings' port, or on a free one where that is taken."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from classifier.model import Model
from service.web import serving_web
from store.store import Store
from tidings.errors import ConfigError
from tidings.settings import Settings


@contextmanager
def demo_page(settings: Settings, store: Store, model: Callable[[], Model]) -> Iterator[str]:
    """Serves until the block ends, on loopback, and yields the address; '' where `api.port` is 0 (off)."""
    if not settings.api.port:
        yield ""
        return
    with ExitStack() as serving:
        here = replace(settings.api, host="127.0.0.1")
        try:
            port = serving.enter_context(serving_web(replace(settings, api=here), store, model))
        except ConfigError:  # the port is taken; whatever else is wrong, the second try tells
            free = replace(here, port=0)
            port = serving.enter_context(serving_web(replace(settings, api=free), store, model))
        yield f"http://127.0.0.1:{port}/"
