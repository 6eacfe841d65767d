"""How the live page says things: numbers, times and alerts in each language, marks, links, the viewer's language."""

from dataclasses import replace
from datetime import timedelta

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from alerts.receivers.words import capital, say_count, summarise
from classifier.labels import TOPIC_LABELS
from dashboards.page.charts import count_chart, figure_id, sentiment_chart
from dashboards.page.language import Words, texts
from dashboards.page.links import name_path, query
from dashboards.page.marks import marked_html
from dashboards.page.render import side
from dashboards.page.sentences import sentence_of
from service.page_request import language_of, mark_of, place_of
from tests.items import T0
from tidings.shown import safe_link, visible
from tidings.types import Alert, Measured, Scope, Window, Word

EN, ZH = Words("en"), Words("zh")
KINDS = {
    "spike": "negative stories", "drop": "sentiment", "drift": "smoothed negative stories", "level": "negative share",
    "volume": "stories", "no_data": "items", "new_key": "negative stories",
}  # fmt: skip


def alert(kind: str = "spike", scope: Scope = "entity") -> Alert:
    value, expected = (-0.41, 0.05) if kind == "drop" else (0.72, 0.7) if kind == "level" else (23.2, 0.8)
    measured = Measured(kind=kind, measure=KINDS[kind])
    return Alert(
        "id", "f" * 16, "rule", scope, "Acme Corp", "warning", "firing", value, expected, 0.0003, 600, T0,
        measured=measured,
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scope", ["all", "topic", "entity", "source", "topic_entity"])
def test_in_english_the_page_says_what_the_notifications_say(kind: str, scope: Scope) -> None:
    said = sentence_of(alert(kind, scope), EN).replace(
        "\N{MINUS SIGN}", "-"
    )  # the page has a true minus sign
    assert said == capital(summarise(alert(kind, scope)))
    assert sentence_of(alert(kind, scope), ZH) != sentence_of(alert(kind, scope), EN)


def test_tidings_own_alert_and_a_kind_of_a_later_version() -> None:
    labels = {"differing_windows": "3", "unexplained_offsets": "1"}
    own = replace(alert(), fingerprint="tidings-counts", scope="all", labels=labels)
    assert sentence_of(own, EN) == capital(summarise(own))
    later = replace(alert(), measured=Measured(kind="earthquake"))
    assert "Acme Corp" in sentence_of(later, ZH)


def test_numbers_and_times() -> None:
    assert EN.time(T0) == "2 Mar 2026, 09:00 UTC"
    assert ZH.time(T0) == "2026年3月2日 09:00 UTC"
    assert EN.clock(T0, T0 + timedelta(hours=14)) == "09:00"
    assert EN.clock(T0, T0 + timedelta(hours=16)) == "2 Mar, 09:00"
    assert ZH.clock(T0, T0 + timedelta(days=1)) == "3月2日 09:00"
    assert (EN.tenth(2), EN.tenth(2.25), EN.tenth(0)) == ("2", "2.2", "0")
    assert (EN.percent(0.625), ZH.percent(0.625)) == ("62%", "62%")
    assert EN.signed(-0.5) == "\N{MINUS SIGN}0.50"
    assert (EN.signed(-0.001), EN.signed(0), EN.signed(0.2)) == ("0.00", "0.00", "+0.20")
    assert EN.odds(0.0003) == "about 1 in 3,300 such windows"
    assert [EN.duration(n) for n in (1, 600, 3600, 86_400, 172_800)] == [
        "1 second", "10 minutes", "1 hour", "24 hours", "2 days",
    ]  # fmt: skip
    assert EN.about(4000) == "1 hour"
    assert all(EN.count(value) == say_count(value) for value in (0, 0.04, 0.8, 9.96, 1234.5))


def test_every_topic_of_the_classifier_has_a_name() -> None:
    assert [name for name in TOPIC_LABELS if f"topic.{name}" not in texts()] == []
    assert ZH.topic("Of an own model") == "Of an own model"


def test_marked_words_are_escaped_and_the_text_stays() -> None:
    text = "<b>plunge</b> & soar"
    words = [Word("plunge", 3, 9, -0.6), Word("soar", 16, 20, 0.12), Word("gone", 90, 99, 1.0)]
    html = marked_html(text, words)
    assert '&lt;b&gt;<mark class="neg s3" title="\N{MINUS SIGN}0.60">plunge</mark>&lt;/b&gt; &amp; ' in html
    assert '<mark class="pos s1" title="+0.12">soar</mark>' in html
    assert "gone" not in html


def test_links_lead_where_they_should() -> None:
    assert name_path("AT&T/Delta ü") == "/names/AT%26T%2FDelta%20%C3%BC"
    assert query(state="", after="1~a b") == "?after=1~a+b"
    assert safe_link("https://example.com/a?b=c") == "https://example.com/a?b=c"
    for bad in ("javascript:alert(1)", "//x", "https://u@x.com/", "https://x.com/ y", "https://[", "data:,x"):
        assert safe_link(bad) == ""
    assert visible("a\u202eb\u2028c\x00") == "a b c "
    assert (side(-0.004), side(-0.2), side(0.2)) == ("", "neg", "pos")


def test_charts_hold_what_is_drawn_and_what_is_read() -> None:
    windows = [Window("topic", "Macro", T0 + timedelta(minutes=10 * n), 600) for n in range(3)]
    windows[1] = replace(windows[1], items=2, sentiment_sum=-1.0, negative_story_sum=4.0)
    sentiment = sentiment_chart("id", "title", windows, "Sentiment")
    assert [value for _, value in sentiment.spec["series"][0]["points"]] == [None, -0.5, None]
    before = [replace(windows[0], negative_story_sum=float(n)) for n in range(5)]
    counts = count_chart("id", "title", windows, "Negative", ("Usual", before), "")
    assert counts.rows()[1] == (int(windows[1].start.timestamp()), (2.0, 4.0))
    assert counts.spec["bands"]["upper"][0][1] == 4.0
    assert "baseline" not in count_chart("id", "title", windows, "Negative", None, "").spec
    assert figure_id("topic", "A b") != figure_id("topic", "a-b")


@pytest.mark.parametrize(
    ("query_string", "cookie", "accepted", "language"),
    [
        ("lang=zh", "en", "en", "zh"),
        ("lang=fr", "zh", "en", "zh"),
        ("", "xx", "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("", "", "de, en;q=0.5, zh;q=0.4", "en"),
        ("", "", "zh;q=0, en;q=bad", "en"),
        ("", "", "", "en"),
    ],
)
def test_the_viewers_language(query_string: str, cookie: str, accepted: str, language: str) -> None:
    headers = [(b"accept-language", accepted.encode()), (b"cookie", f"lang={cookie}".encode())]
    request = Request({"type": "http", "query_string": query_string.encode(), "headers": headers})
    assert language_of(request) == language


def test_a_place_in_the_list_of_alerts_comes_back() -> None:
    at = T0 + timedelta(milliseconds=125)
    assert place_of(mark_of(at, "id~1")) == (at, "id~1")
    assert place_of("") is None
    for bad in ("x~y", "9" * 30 + "~y"):
        with pytest.raises(HTTPException):
            place_of(bad)
