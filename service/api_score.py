"""POST /v1/score, GET /v1/models, POST /v1/items: what goes through the classifier, now or by way of Kafka."""

import asyncio

from fastapi import APIRouter

from classifier.explain import explain
from classifier.labels import TOPIC_LABELS
from service.api_gate import needs
from service.api_models import (
    ItemError,
    ItemReceipt,
    ItemsAnswer,
    ItemsRequest,
    ModelsAnswer,
    ModelShown,
    Score,
    ScoreAnswer,
    ScoreRequest,
    Word,
)
from service.api_parts import Parts
from service.api_problems import responses, wrong_field
from service.api_push import Receipt

_EXPLAINED = 16
_POST = responses(400, 401, 403, 413, 415, 422, 429, 503)


def score_routes(parts: Parts) -> APIRouter:
    """The routes."""
    router = APIRouter()

    @router.post(
        "/v1/score", tags=["scoring"], summary="Score texts", dependencies=needs("score"), responses=_POST
    )
    async def score(request: ScoreRequest) -> ScoreAnswer:
        """Topic and sentiment of each text, now. Nothing is stored. Texts of many callers are scored together, so
        many small requests at once cost little more than few large ones.

        Scope: `score`."""
        if request.explain and len(request.texts) > _EXPLAINED:
            raise wrong_field("body.texts", f"at most {_EXPLAINED} texts with explain: send them in parts")
        predictions = await asyncio.wrap_future(parts.scorer.submit(request.texts))
        scores = [Score.model_validate(prediction) for prediction in predictions]
        if request.explain:
            for shown, text in zip(scores, request.texts, strict=True):
                found = await parts.explanations.run(explain, parts.scorer.predict, text)
                shown.explanation = [Word.model_validate(word) for word in found.words]
        return ScoreAnswer(model_version=predictions[0].model_version, scores=scores)

    @router.get(
        "/v1/models",
        tags=["scoring"],
        summary="The model in use",
        dependencies=needs("read"),
        responses=responses(401, 403, 429, 503),
    )
    async def models() -> ModelsAnswer:
        """What it is, where it runs, how well it does.

        Scope: `read`."""
        model = await parts.reads.run(parts.model)
        manifest = model.manifest
        shown = ModelShown(
            name=manifest.name,
            version=manifest.version,
            licence=manifest.licence,
            provider=model.provider,
            max_tokens=manifest.max_tokens,
            topics=list(TOPIC_LABELS),
            metrics=manifest.record["metrics"],
        )
        return ModelsAnswer(models=[shown])

    @router.post(
        "/v1/items",
        tags=["items"],
        summary="Push items",
        status_code=202,
        dependencies=needs("ingest"),
        responses=_POST,
    )
    async def items(request: ItemsRequest) -> ItemsAnswer:
        """Puts items into Kafka; they are scored and stored like any others, some seconds later.

        Each item is checked by itself, as a message from Kafka would be: look at `refused`, and at `error` of the
        items it counts. What has an `item_id` was acknowledged by Kafka. After 503 send the same request again:
        an item that had come through before keeps its id and is stored once.

        Scope: `ingest`."""
        receipts = await parts.pushes.run(parts.push.push, request.items)
        accepted = sum(receipt.refusal is None for receipt in receipts)
        return ItemsAnswer(
            accepted=accepted,
            refused=len(receipts) - accepted,
            items=[_receipt(receipt) for receipt in receipts],
        )

    return router


def _receipt(receipt: Receipt) -> ItemReceipt:
    refusal = receipt.refusal
    error = ItemError(reason=refusal.reason, detail=refusal.detail) if refusal else None
    return ItemReceipt(item_id=receipt.item_id, error=error)
