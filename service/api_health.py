"""What monitors ask for: /metrics, /healthz, /readyz."""

import logging
from collections.abc import Callable
from time import monotonic

import anyio
from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from ingest.kafka import topic_partitions
from service.api_gate import needs
from service.api_models import Health
from service.api_parts import Parts
from service.api_problems import Problem, responses
from store import pages
from tidings.errors import TidingsError

log = logging.getLogger(__name__)
_FRESH_SECONDS = 5
_PATIENCE_SECONDS = 8


def health_routes(parts: Parts) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["operation"])
    readiness = Readiness(
        {
            "store": lambda: pages.latest(parts.reader),
            "model": parts.model,
            "kafka": lambda: topic_partitions(parts.settings.kafka),
        }
    )

    @router.get("/healthz", summary="Is it alive?")
    async def healthz() -> Health:
        """The process answers. Needs no key."""
        return Health(status="ok")

    @router.get("/readyz", summary="Is it ready?", responses=responses(503))
    async def readyz() -> Health:
        """The store answers, the model is loaded, Kafka can be reached: as of the last five seconds. Needs no key."""
        if wrong := await readiness.wrong():
            fields = [(part, "cannot be used now: the service's log says why") for part in wrong]
            detail = f"not ready: {', '.join(wrong)}"
            raise Problem(503, "not_ready", detail, fields, {"Retry-After": str(_FRESH_SECONDS)})
        return Health(status="ok")

    @router.get(
        "/metrics",
        summary="Metrics",
        dependencies=needs("read"),
        response_class=Response,
        responses=responses(401, 403, 429)
        | {200: {"content": {CONTENT_TYPE_LATEST: {"schema": {"type": "string"}}}}},
    )
    async def metrics() -> Response:
        """Of the whole process, for Prometheus.

        Scope: `read`."""
        return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return router


class Readiness:
    """Tries each part, all at once, at most every five seconds however often it is asked."""

    def __init__(self, checks: dict[str, Callable[[], object]]) -> None:
        self._checks = checks
        self._lock: anyio.Lock | None = None  # made in the event loop
        self._wrong: list[str] = []
        self._until = 0.0

    async def wrong(self) -> list[str]:
        """The parts that cannot be used."""
        self._lock = self._lock or anyio.Lock()
        async with self._lock:
            if monotonic() >= self._until:
                self._wrong = await self._try()
                self._until = monotonic() + _FRESH_SECONDS
            return self._wrong

    async def _try(self) -> list[str]:
        fine: set[str] = set()

        async def check(name: str, try_it: Callable[[], object]) -> None:
            try:
                await anyio.to_thread.run_sync(try_it, abandon_on_cancel=True)
                fine.add(name)
            except (TidingsError, OSError) as error:
                log.warning("not ready: %s: %s", name, error)

        with anyio.move_on_after(_PATIENCE_SECONDS):
            async with anyio.create_task_group() as group:
                for name, try_it in self._checks.items():
                    group.start_soon(check, name, try_it)
        return [name for name in self._checks if name not in fine]
