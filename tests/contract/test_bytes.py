"""What goes in comes out of ClickHouse byte for byte, or is an InvalidMessage with its reason; over both stores."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingest.message import EARLIEST, MAX_TEXT_CHARACTERS, REASONS, decode
from store.store import Store
from tests.items import T0, scored
from tidings.errors import InvalidMessage, TidingsError
from tidings.types import Item, Prediction, ScoredItem

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
FIELDS = (
    "item_id", "story_id", "source", "kind", "published_at", "title", "text", "url", "lang", "tickers", "entities",
)  # fmt: skip
TEXTS = ("title", "text", "url", "source", "id")
# What is syntax somewhere on the way: SQL, JSON, TSV, parameters of the driver, of ClickHouse, of Python's %.
NASTY = (
    "'", '"', "`", "\\", "\\'", "\\\\", "\\0", "\\N", "\\x41", "\\u0041", "%", "%s", "%(ids)s", "{ids:Array(String)}",
    "{}", "{{", "}", "$1", "?", ";", "--", "/*", "#", "'; DROP TABLE item_versions; --", "]", "[", ",", "NULL", "null",
    "nan", "<b>", "&amp;", "1e999", "0x10", "👩🏽\u200d🚀", "🏳\ufe0f\u200d🌈", "🇨🇭", "é", "\uff46\uff55",
    "שלום", "العربية",
    "a\u0300\u0316\u0334", "\ufeffx", "\ufffd", "\U0010ffff", "\ue000",
    "ﷺ", "İ", "ß", "株価", "\u2028", "\u00a0",
)  # fmt: skip
TABS = ("\t", "\n", "\r\n", "\x0b", "\x0c")
CONTROLS = tuple(map(chr, (*range(0x20), *range(0x7F, 0xA0), 0x200E, 0x202E, 0x2066)))
# Neither white space nor what decode removes: these must come back as they were given.
PLAIN = st.characters(
    codec="utf-8",
    exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"],
    exclude_characters="\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
)
KEPT = st.lists(
    PLAIN | st.sampled_from([part for part in NASTY if not part.isspace()]), min_size=1, max_size=20
).map("".join)
ANY = st.lists(st.characters(codec="utf-8") | st.sampled_from(NASTY + TABS + CONTROLS), max_size=20).map(
    "".join
)
SURROGATES = st.sampled_from(["\ud800", "x\udfff", "\udc00\ud800"])
TIMES = st.datetimes().map(datetime.isoformat)
RECENT = st.datetimes(EARLIEST.replace(tzinfo=None), NOW.replace(tzinfo=None)).map(datetime.isoformat)
NUMBERS = st.integers(-(10**20), 10**20) | st.floats() | st.integers(631_152_000, 1_772_000_000).map(str)
MESSAGES = st.fixed_dictionaries(
    {"title": ANY | SURROGATES, "published_at": RECENT | TIMES | NUMBERS},
    optional={
        "text": ANY | st.none() | SURROGATES,
        "url": ANY,
        "source": ANY | NUMBERS,
        "id": ANY | NUMBERS | st.booleans(),
        "lang": ANY,
        "kind": st.sampled_from(["news", "social", "SOCIAL ", "blog", "\x00news"]),
        "tickers": ANY | st.lists(ANY | st.none(), max_size=4),
    },
)
EVERY_EXAMPLE = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


def classified(item: Item) -> ScoredItem:
    return ScoredItem(item, Prediction("Macro", 0.5, 0.25, 0.5, 0.25, "test"), NOW, "news.raw", 0, 1)


def stored(store: Store, ids: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """The items of these ids as the store gives them back."""
    rows = store._client.query(
        f"SELECT {', '.join(FIELDS)} FROM items WHERE item_id IN {{ids:Array(String)}}", {"ids": list(ids)}
    )
    return {
        row[0]: tuple(tuple(value) if isinstance(value, list) else value for value in row) for row in rows
    }


def given_in(item: Item) -> tuple[Any, ...]:
    return tuple(getattr(item, field) for field in FIELDS)


def insert(store: Store, items: Sequence[Item]) -> dict[str, Item]:
    latest = {item.item_id: item for item in items}
    store.insert([classified(item) for item in items])
    return latest


@EVERY_EXAMPLE
@given(messages=st.lists(st.tuples(MESSAGES, st.booleans()), min_size=1, max_size=25))
def test_any_message_comes_back_as_it_was_decoded_or_has_a_reason(
    store: Store, messages: list[tuple[dict[str, Any], bool]]
) -> None:
    items, reasons = [], set()
    for values, escaped in messages:
        value = json.dumps(values, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
        try:
            items.append(decode(value, "news.raw", NOW))
        except InvalidMessage as error:
            reasons.add(error.reason)
    latest = insert(store, items)
    assert stored(store, list(latest)) == {key: given_in(item) for key, item in latest.items()}
    assert reasons <= set(REASONS)


@EVERY_EXAMPLE
@given(
    values=st.lists(
        st.fixed_dictionaries(dict.fromkeys(TEXTS, KEPT)),
        min_size=1,
        max_size=20,
    ),
    inner=st.sampled_from(["\t", "\n", "\r\n", " "]),
)
@example(
    values=[dict.fromkeys(TEXTS, part) for part in NASTY[:-2]],
    inner="\t",
)
def test_what_needs_no_normalising_comes_back_unchanged(
    store: Store, values: list[dict[str, str]], inner: str
) -> None:
    items, sent = [], {}
    for number, fields in enumerate(values):
        fields = {**fields, "title": f"Bank {fields['title']}", "text": f"a{inner}{fields['text']}{inner}b"}
        fields["id"] = f"{fields['id']}{number}"
        value = json.dumps({**fields, "published_at": T0.isoformat()}, ensure_ascii=False).encode()
        items.append(decode(value, "news.raw", NOW))
        sent[items[-1].item_id] = fields
    insert(store, items)
    found = stored(store, list(sent))
    names = ("title", "text", "url", "source")
    assert {key: dict(zip(FIELDS, row, strict=True)) for key, row in found.items()}.keys() == sent.keys()
    for key, fields in sent.items():
        row = dict(zip(FIELDS, found[key], strict=True))
        assert {name: row[name] for name in names} == {name: fields[name] for name in names}
        assert key.endswith(":" + fields["id"])


@EVERY_EXAMPLE
@given(texts=st.lists(ANY, min_size=1, max_size=30))
@example(texts=["".join(CONTROLS), "\0", "\0x\0", *NASTY, *TABS])
def test_the_store_itself_keeps_every_character(store: Store, texts: list[str]) -> None:
    """Even those that decode would have removed; in columns, arrays, parameters and the keys of windows."""
    items = [
        Item(
            item_id=f"{n}:{text}",
            source=f"s{n}{text}",
            kind="news",
            published_at=T0,
            title=text,
            text=text,
            url=text,
            lang=text,
            tickers=(text, "B"),
            entities=(f"e{n}{text}",),
            story_id=f"{n}{text}",
        )
        for n, text in enumerate(texts)
    ]
    latest = insert(store, items)
    assert stored(store, list(latest)) == {key: given_in(item) for key, item in latest.items()}
    store.roll()
    end = T0 + timedelta(minutes=1)
    for scope, keys in (
        ("source", [item.source for item in items]),
        ("entity", [item.entities[0] for item in items]),
    ):
        windows = store.series(scope, keys, T0, end, 60)  # type: ignore[arg-type]  # both are scopes
        assert {key: [one.items for one in found] for key, found in windows.items()} == {
            key: [1] for key in keys
        }
    (evidence,) = store.evidence("entity", items[0].entities[0], T0, end, 5)
    assert evidence.item_id == items[0].item_id
    joined = "".join(texts)
    ((array, text),) = store._client.query("SELECT {a:Array(String)}, {s:String}", {"a": texts, "s": joined})
    assert (list(array), text) == (texts, joined)


@pytest.mark.parametrize("moment", [EARLIEST, NOW + timedelta(days=1), NOW.replace(microsecond=999_999)])
def test_times_at_the_limits(store: Store, moment: datetime) -> None:
    value = json.dumps({"title": "Bank fails", "published_at": moment.isoformat()}).encode()
    item = decode(value, "news.raw", NOW)
    insert(store, [item])
    ((*_, at),) = store._client.query("SELECT published_at FROM items")
    assert at == item.published_at
    assert timedelta(0) <= moment - at < timedelta(milliseconds=1)


def test_four_megabytes_of_emoji(store: Store) -> None:
    text = "🚀" * (MAX_TEXT_CHARACTERS - 10)
    item = decode(
        json.dumps({"text": text, "published_at": T0.isoformat()}, ensure_ascii=False).encode(), "t", NOW
    )
    insert(store, [item])
    assert stored(store, [item.item_id]) == {item.item_id: given_in(item)}
    assert item.text == text


def test_a_lone_surrogate_never_reaches_the_store_in_part(store: Store) -> None:
    """decode lets none through; if one came another way, it is refused before anything is written."""
    with pytest.raises(TidingsError, match="lone surrogate"):
        store.insert([scored("good"), scored("bad", title="half \ud83d")])
    assert stored(store, ["good", "bad"]) == {}
