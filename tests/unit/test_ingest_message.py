"""Every message becomes an item or a dead letter with a stable reason, whatever its bytes are."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ingest.message import MAX_TEXT_CHARACTERS, REASONS, decode, parse_time
from tidings.errors import InvalidMessage
from tidings.text import classifier_input
from tidings.types import Item

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GOOD: dict[str, Any] = {"title": "Meridian Bank halts withdrawals", "published_at": "2025-06-01T12:00:00Z"}


def item(topic: str = "news.raw", **fields: Any) -> Item:
    return decode(json.dumps({**GOOD, **fields}).encode(), topic, NOW)


def reason(value: bytes | None) -> str:
    with pytest.raises(InvalidMessage) as caught:
        decode(value, "news.raw", NOW)
    assert caught.value.detail
    return caught.value.reason


def test_a_full_message() -> None:
    found = item(
        text="Shares fell.",
        source="wire",
        kind="news",
        url="https://example.org/1",
        id="42",
        lang="EN",
        tickers=["$mrdn", "ZZZQ", "mrdn"],
    )
    assert found.item_id == "wire:42"
    assert found.published_at == datetime(2025, 6, 1, 12, tzinfo=UTC)
    assert (found.lang, found.tickers) == ("en", ("MRDN", "ZZZQ"))
    assert "Meridian Bank" in found.entities
    assert len(found.story_id) == 16


def test_what_is_not_given_has_a_default() -> None:
    found = item(source=None, kind=None)
    assert (found.source, found.kind, found.lang, found.url, found.text) == ("unknown", "news", "en", "", "")
    assert item("social.raw").kind == "social"
    assert item("social.raw", kind="News").kind == "news"
    assert decode(b'{"text": "Only a text", "published_at": 1748779200}', "news.raw", NOW).title == ""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "invalid_json"),
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b'{"title": "x"} {}', "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
        (b'{"title": "x", "published_at": NaN}', "invalid_json"),
        (b'{"title": "x", "published_at": -Infinity}', "invalid_json"),
        (b'{"title": "x", "published_at": 1' + b"0" * 5000 + b"}", "invalid_json"),
        (b"\xff\xfe{}", "invalid_utf8"),
        (b'{"title": "\xed\xa0\x80"}', "invalid_utf8"),
        (b"[]", "not_an_object"),
        (b"null", "not_an_object"),
        (b'"text"', "not_an_object"),
    ],
)
def test_bytes_that_hold_no_object(value: bytes | None, expected: str) -> None:
    assert reason(value) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"title": 7}, "wrong_type"),
        ({"text": ["x"]}, "wrong_type"),
        ({"source": {}}, "wrong_type"),
        ({"url": False}, "wrong_type"),
        ({"id": True}, "wrong_type"),
        ({"id": 1.5}, "wrong_type"),
        ({"tickers": [1]}, "wrong_type"),
        ({"tickers": {"A": 1}}, "wrong_type"),
        ({"published_at": True}, "wrong_type"),
        ({"published_at": [2008]}, "wrong_type"),
        ({"title": "half \ud83d"}, "lone_surrogate"),
        ({"tickers": ["\udc00"]}, "lone_surrogate"),
        ({"kind": "blog"}, "unknown_kind"),
        ({"title": ""}, "missing_text"),
        ({"title": None}, "missing_text"),
        ({"title": " \x00\u200e\n"}, "missing_text"),
        ({"title": "https://example.org/only-a-link"}, "missing_text"),
        ({"published_at": None}, "missing_published_at"),
        ({"published_at": ""}, "missing_published_at"),
        ({"published_at": "soon"}, "invalid_published_at"),
        ({"published_at": "2025-02-30T00:00:00Z"}, "invalid_published_at"),
        ({"published_at": "3000-01-01T00:00:00Z"}, "invalid_published_at"),
        ({"published_at": "1989-12-31T23:59:59Z"}, "invalid_published_at"),
        ({"published_at": "2026-01-02T00:00:01Z"}, "invalid_published_at"),
        ({"published_at": "0001-01-01T00:00:00+14:00"}, "invalid_published_at"),
        ({"published_at": 0}, "invalid_published_at"),
        ({"published_at": 10**30}, "invalid_published_at"),
        ({"published_at": 1.7e308}, "invalid_published_at"),
        ({"text": "x" * (MAX_TEXT_CHARACTERS + 1)}, "too_large"),
        ({"url": "x" * 4001}, "too_large"),
        ({"source": "x" * 201}, "too_large"),
        ({"tickers": [f"T{n}" for n in range(101)]}, "too_large"),
    ],
)
def test_fields_that_cannot_be_stored(fields: dict[str, Any], expected: str) -> None:
    assert reason(json.dumps({**GOOD, **fields}).encode()) == expected
    assert expected in REASONS


def test_a_number_too_large_for_a_float_is_not_a_time() -> None:
    assert reason(b'{"title": "x", "published_at": 1e400}') == "invalid_published_at"


def test_texts_up_to_the_limit_are_stored_whole() -> None:
    text = "word " * (MAX_TEXT_CHARACTERS // 5 - 20)
    assert item(text=text).text == text.strip()


def test_control_characters_and_direction_marks_are_not_stored() -> None:
    found = item(
        title="Bank\x00 \u202eof\u202c\r\n Norland\x7f", text="a\u2066b\x1b\nc\td", source="wi\u200fre\x00"
    )
    assert found.title == "Bank of Norland"
    assert found.text == "ab\nc\td"
    assert found.source == "wire"


def test_emoji_and_other_scripts_are_kept() -> None:
    text = "👩\u200d🚀 مرحبا בנק 株価"
    assert item(text=text).text == text


def test_of_a_repeated_key_the_last_counts_and_others_are_ignored() -> None:
    value = b'{"title": "One", "title": "Two", "x": {"y": []}, "published_at": "2025-06-01"}'
    assert decode(value, "news.raw", NOW).title == "Two"
    assert decode(b"\xef\xbb\xbf" + value, "news.raw", NOW).title == "Two"


@pytest.mark.parametrize(
    "value",
    [
        "2025-06-01T12:00:00Z",
        "2025-06-01t12:00:00z",
        "2025-06-01T14:00:00+02:00",
        "2025-06-01 12:00:00",
        1748779200,
        1748779200.0,
        1748779200000,
        "1748779200",
        "1748779200000",
        " 1748779200.000 ",
    ],
)
def test_ways_to_write_a_time(value: str | float) -> None:
    assert item(published_at=value).published_at == datetime(2025, 6, 1, 12, tzinfo=UTC)


def test_tickers_as_text() -> None:
    assert item(tickers="$AAPL, msft;brk.b GE").tickers == ("AAPL", "MSFT", "BRK.B", "GE")
    assert item(tickers="").tickers == ()


def test_the_id_depends_on_content_and_not_on_how_it_is_written() -> None:
    assert item().item_id == item(published_at=1748779200, kind="news").item_id
    assert item().item_id != item(title="Another").item_id
    assert item().item_id != item(source="wire").item_id
    assert item().item_id != item(published_at="2025-06-01T12:01:00Z").item_id
    assert item(url="https://example.org/1").item_id == item(url="https://example.org/1", title="New").item_id
    assert item(id=42, source="a").item_id == item(id="42", source="a", title="New").item_id == "a:42"
    assert item(id="b:c", source="a").item_id != item(id="c", source="a:b").item_id


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["title", "text", "published_at", "source", "kind", "url", "id", "lang", "tickers", "x"]
)


def survives(value: bytes) -> None:
    try:
        found = decode(value, "news.raw", NOW)
    except InvalidMessage as error:
        outcome = error.reason
    else:
        found.headline.encode()
        outcome = "stored" if found.headline else "empty"
    assert outcome in (*REASONS, "stored")


@given(st.binary())
@example(b"\xef\xbb\xbf")
def test_no_bytes_raise_anything_else(value: bytes) -> None:
    survives(value)


@given(st.dictionaries(FIELDS, JSON) | JSON, st.booleans())
def test_no_json_raises_anything_else(value: Any, escaped: bool) -> None:
    survives(json.dumps(value, ensure_ascii=escaped).encode("utf-8", "surrogatepass"))


@given(
    title=st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1, max_size=50),
    seconds=st.integers(631_238_400, 1_767_052_800),  # 1990-01-02 to 2025-12-30
    hours=st.integers(-12, 14),
)
def test_what_is_encoded_comes_back(title: str, seconds: int, hours: int) -> None:
    moment = datetime.fromtimestamp(seconds, timezone(timedelta(hours=hours)))
    assume(classifier_input(title, ""))
    found = item(title=title, published_at=moment.isoformat(), id=title)
    assert (found.title, found.published_at, found.item_id) == (title, moment, f"unknown:{title}")


@given(st.integers(631_152_000, 4_102_444_800))  # 1990 to 2100
def test_seconds_and_milliseconds_are_told_apart(seconds: int) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    assert parse_time(seconds) == parse_time(str(seconds)) == parse_time(seconds * 1000) == moment
