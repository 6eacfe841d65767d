"""What the API takes and gives, with the words that its documentation shows."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
WORD = r"^[^\x00-\x1f]*$"  # no control characters


def parse_moment(value: Any) -> Any:
    """A time of a request: RFC 3339 with Z or an offset, or a date in UTC, of 1970 to 2199; raises ValueError."""
    if not isinstance(value, str):
        return value
    if _DATE.fullmatch(value):
        value += "T00:00:00Z"
    if not _RFC3339.fullmatch(value):
        raise ValueError(
            "write a date, or RFC 3339 with Z or an offset, such as 2026-03-02T09:00:00Z (a + is %2B in a URL)"
        )
    moment = datetime.fromisoformat(value.upper().replace(" ", "T"))
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("the year must be 1970 to 2199") from None
    if not _EARLIEST <= moment < _LATEST:
        raise ValueError("the year must be 1970 to 2199")
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


_DAY = r"^(19[7-9]\d|20\d\d|21[0-8]\d)-\d\d-\d\d"
_MOMENT = {
    "anyOf": [
        {
            "type": "string",
            "format": "date-time",
            "pattern": _DAY + r"T\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$",
        },
        {"type": "string", "format": "date", "pattern": f"{_DAY}$"},
    ],
    "examples": ["2026-03-02T09:00:00Z", "2026-03-02"],
}
Moment = Annotated[datetime, BeforeValidator(parse_moment), WithJsonSchema(_MOMENT)]


# JSON knows one kind of number: 60.0 is as whole as 60.
Whole = Annotated[int, BeforeValidator(_whole)]


class Given(BaseModel):
    """What a request may hold: exactly these fields, of exactly these types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Shown(BaseModel):
    """What an answer holds; made from our own values."""

    model_config = ConfigDict(from_attributes=True, protected_namespaces=())


class FieldError(Shown):
    field: str = Field(description="Which field or parameter, such as `body.texts.0`.")
    message: str = Field(description="What it should be.")


class Problem(Shown):
    """An error as RFC 9457 has it (`application/problem+json`)."""

    type: str = "about:blank"
    title: str = Field(description="The status in words.", examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    code: str = Field(description="A short stable word for programs.", examples=["invalid"])
    detail: str = Field(description="What is wrong and what to do.")
    errors: list[FieldError] = Field(default=[], description="Each wrong field, for 422.")


class ScoreRequest(Given):
    texts: Annotated[list[Annotated[str, Field(max_length=100_000)]], Field(min_length=1, max_length=256)] = (
        Field(
            description="1 to 256 texts in English, such as headlines; each is scored by itself.",
            examples=[["Bank halts withdrawals amid fraud probe", "Profit soars to a record"]],
        )
    )
    explain: bool = Field(
        default=False,
        description="Also say which words moved each score. It takes some 64 runs of the model for each text:"
        " at most 16 texts.",
    )


class Word(Shown):
    word: str
    start: int = Field(description="Where it begins in the text, in characters (Unicode code points).")
    end: int
    weight: float = Field(description="How far it moved the sentiment, in [-2, 2].")


class Score(Shown):
    topic: str = Field(examples=["M&A | Investments"])
    topic_p: float = Field(description="The topic's probability.")
    p_negative: float
    p_neutral: float
    p_positive: float
    sentiment: float = Field(description="p_positive - p_negative, in [-1, 1].")
    sentiment_label: Literal["negative", "neutral", "positive"]
    flag: Literal["", "language", "no_words"] = Field(
        description="Why the text was not scored: it is not English (`language`) or has no words (`no_words`)."
    )
    explanation: list[Word] | None = Field(
        default=None, description="With `explain`: the words in reading order; none for a flagged text."
    )


class ScoreAnswer(Shown):
    model_version: str
    scores: list[Score] = Field(description="One for each text, in order.")


class ItemsRequest(Given):
    items: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=500)] = Field(
        description="1 to 500 items as in docs/input.md: `published_at` (RFC 3339 or epoch) and `title` or `text`;"
        " and where known `source`, `kind` (news, social), `url`, `id`, `lang`, `tickers`.",
        examples=[
            [
                {
                    "title": "Bank halts withdrawals amid fraud probe",
                    "published_at": "2026-03-02T09:00:00Z",
                    "source": "wire",
                    "id": "a-17",
                }
            ]
        ],
    )


class ItemError(Shown):
    reason: str = Field(description="A short stable word, as of dead letters.", examples=["missing_text"])
    detail: str = Field(description="Which field, and what is wrong.")


class ItemReceipt(Shown):
    item_id: str | None = Field(description="Under which the item will be stored; null for a refused one.")
    error: ItemError | None = None


class ItemsAnswer(Shown):
    accepted: int = Field(
        description="How many items Kafka has acknowledged: they will be scored and stored."
    )
    refused: int
    items: list[ItemReceipt] = Field(description="One for each item, in order.")


Author = Annotated[str, Field(min_length=1, max_length=100, pattern=WORD)]


class AckRequest(Given):
    author: Author | None = Field(default=None, description="Who has seen it; the key's name if left out.")
    note: str = Field(default="", max_length=1000, examples=["calling the desk"])
    snooze_seconds: Whole = Field(
        default=0, ge=0, le=31_536_000, description="Tell nothing about it for so long, not even its end."
    )


class SilenceRequest(Given):
    matchers: Annotated[
        dict[Annotated[str, Field(min_length=1, max_length=100)], Annotated[str, Field(max_length=500)]],
        Field(min_length=1, max_length=20),
    ] = Field(
        description="Label names (scope, key, rule, severity, and those that rules set) and patterns, all of which"
        " must fit; a pattern may hold * and ?.",
        examples=[{"key": "Northgate*", "severity": "warning"}],
    )
    reason: str = Field(min_length=1, max_length=1000, pattern=r"\S", examples=["known, being handled"])
    duration_seconds: Whole = Field(ge=1, le=31_536_000, examples=[7200])
    author: Author | None = Field(default=None, description="Who says so; the key's name if left out.")


class SilenceShown(Shown):
    silence_id: str
    matchers: dict[str, str]
    author: str
    reason: str
    starts_at: datetime
    ends_at: datetime


class SilencesAnswer(Shown):
    silences: list[SilenceShown] = Field(description="Those in force, the first to end first.")


class ModelShown(Shown):
    name: str
    version: str
    licence: str
    provider: str = Field(description="Where it runs, such as CPUExecutionProvider.")
    max_tokens: int
    topics: list[str]
    metrics: dict[str, Any] = Field(description="Its figures on held-out texts.")


class ModelsAnswer(Shown):
    models: list[ModelShown] = Field(description="The model in use.")


class Health(Shown):
    status: Literal["ok"]
