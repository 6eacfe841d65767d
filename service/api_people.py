"""Silences and acknowledgements: what people say about alerts, as `tidings alerts silence` and `ack` do."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request

from service.api_gate import caller_of, needs
from service.api_models import AckRequest, SilenceRequest, SilencesAnswer, SilenceShown
from service.api_pages import AcknowledgementShown
from service.api_parts import Parts
from service.api_problems import Problem, responses
from store import pages
from tidings.types import Acknowledgement, Silence

_POST = responses(400, 401, 403, 413, 415, 422, 429, 503)


def people_routes(parts: Parts) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["alerts"])
    outbox = parts.store.outbox

    @router.get(
        "/v1/silences",
        summary="Silences in force",
        dependencies=needs("read"),
        responses=responses(401, 403, 429, 503),
    )
    async def silences() -> SilencesAnswer:
        """Alerts that they match tell nobody.

        Scope: `read`."""
        found = await parts.reads.run(outbox.silences, datetime.now(UTC))
        return SilencesAnswer(silences=[SilenceShown.model_validate(one) for one in found])

    @router.post(
        "/v1/silences",
        summary="Silence alerts",
        status_code=201,
        dependencies=needs("alerts"),
        responses=_POST,
    )
    async def silence(asked: SilenceRequest, request: Request) -> SilenceShown:
        """From now on, for so long: alerts that all matchers fit tell nobody. They are recorded all the same.

        Scope: `alerts`."""
        now = datetime.now(UTC)
        made = Silence(
            silence_id=uuid.uuid4().hex[:12],
            matchers=asked.matchers,
            author=asked.author or _author(request),
            reason=asked.reason,
            starts_at=now,
            ends_at=now + timedelta(seconds=asked.duration_seconds),
        )
        await parts.reads.run(outbox.save_silence, made)
        return SilenceShown.model_validate(made)

    @router.delete(
        "/v1/silences/{silence_id}",
        summary="End a silence",
        dependencies=needs("alerts"),
        responses=responses(401, 403, 404, 422, 429, 503),
    )
    async def expire(silence_id: str) -> SilenceShown:
        """Now: what still fires is told.

        Scope: `alerts`."""
        now = datetime.now(UTC)
        found = await parts.reads.run(outbox.silences, now)
        one = next((one for one in found if one.silence_id == silence_id), None)
        if one is None:
            raise Problem(404, "not_found", "There is no such silence in force: see GET /v1/silences.")
        ended = replace(one, ends_at=now)
        await parts.reads.run(outbox.save_silence, ended)
        return SilenceShown.model_validate(ended)

    @router.post(
        "/v1/alerts/{alert_id}/ack",
        summary="Acknowledge an alert",
        dependencies=needs("alerts"),
        responses=_POST | responses(404),
    )
    async def acknowledge(alert_id: str, asked: AckRequest, request: Request) -> AcknowledgementShown:
        """Somebody has seen it: it is not repeated, and with `snooze_seconds` not even its end is told meanwhile.

        Scope: `alerts`."""
        if await parts.reads.run(pages.alert_by_id, parts.reader, alert_id) is None:
            raise Problem(404, "not_found", "There is no such alert: see GET /v1/alerts.")
        now = datetime.now(UTC)
        until = now + timedelta(seconds=asked.snooze_seconds) if asked.snooze_seconds else None
        made = Acknowledgement(alert_id, asked.author or _author(request), asked.note, now, until)
        await parts.reads.run(outbox.save_acknowledgement, made)
        return AcknowledgementShown.model_validate(made)

    return router


def _author(request: Request) -> str:
    return caller_of(request).name or "api"
