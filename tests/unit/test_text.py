"""Text: one normalisation for training and scoring, and the key that near-identical items share."""

import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.text import classifier_input, normalise, spell_out, story_id

DAY = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ANY_TEXT = st.text(st.characters(), max_size=80)
# Texts with the pieces that normalise looks for, next to arbitrary characters.
PIECES = st.sampled_from(
    [
        " ",
        "\n",
        "\x00",
        "\u200b",
        "\u202e",
        "http://a.b/c",
        "www.x",
        "t.co/1",
        "$ACME",
        "&amp;",
        "&#8203;",
        "é",
    ]
)
NEWS_TEXT = st.lists(st.one_of(PIECES, st.text(st.characters(), max_size=5)), max_size=12).map("".join)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Plain words", "Plain words"),
        ("  two\t\n spaces \u00a0 here ", "two spaces here"),
        ("read https://t.co/AbC now", "read now"),
        ("pic.twitter.com/xyz $ACME falls", "$ACME falls"),
        ("AT&amp;T &lt;b&gt; &#39;quoted&#39;", "AT&T <b> 'quoted'"),
        ("doubly &amp;amp; escaped", "doubly & escaped"),
        ("NUL\x00 and \x1bescape", "NUL and escape"),
        ("right\u202eto\u202c left\u200b\ufeff", "rightto left"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("line\x85feed\u2028kept apart", "line feed kept apart"),
        ("cafe\u0301", "café"),
        ("👩\u200d💻 #stocks @desk 🚀", "👩\u200d💻 #stocks @desk 🚀"),
        ("", ""),
    ],
)
def test_normalise(raw: str, clean: str) -> None:
    assert normalise(raw) == clean


@given(NEWS_TEXT)
def test_normalised_text_has_no_control_characters_and_single_spaces(text: str) -> None:
    clean = normalise(text)
    categories = {unicodedata.category(c) for c in clean if c != "\u200d"}
    assert not categories & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert clean == " ".join(clean.split())
    clean.encode()  # no lone surrogate is left


@given(NEWS_TEXT.filter(lambda text: "&" not in text))
def test_normalise_is_idempotent_without_html(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(ANY_TEXT, ANY_TEXT)
def test_classifier_input_is_normalised_whatever_comes(title: str, text: str) -> None:
    joined = classifier_input(title, text)
    assert joined == " ".join(joined.split())
    assert bool(joined) == bool(normalise(title) or normalise(text))
    assert joined.startswith(normalise(title))


@pytest.mark.parametrize(
    ("title", "text", "joined"),
    [
        ("Bank fails", "", "Bank fails"),
        ("", "Bank fails", "Bank fails"),
        ("Bank fails", "Depositors queue", "Bank fails. Depositors queue"),
        ("Bank fails!", "Depositors queue", "Bank fails! Depositors queue"),
        ("Bank fails", "Bank fails as depositors queue", "Bank fails as depositors queue"),
        ("https://x.y/z", "Bank fails", "Bank fails"),
    ],
)
def test_classifier_input(title: str, text: str, joined: str) -> None:
    assert classifier_input(title, text) == joined


@pytest.mark.parametrize(
    "copy",
    [
        "bank halts withdrawals",
        "Bank halts withdrawals!  https://x.y/1",
        "RT @desk: Bank halts withdrawals",
        "RT @the_news_desk Bank halts withdrawals",
        "RT @one: RT @two: Bank halts withdrawals",
        "BANK HALTS \u2013 WITHDRAWALS",
    ],
)
def test_copies_of_a_headline_are_one_story(copy: str) -> None:
    assert story_id(copy, "", DAY) == story_id("Bank halts withdrawals", "a text", DAY)
    assert story_id("", copy, DAY) == story_id("Bank halts withdrawals", "", DAY)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bank halts withdrawals", "Bank resumes withdrawals"),
        ("RT reports gas deal", "RT denies gas deal"),  # a broadcaster, not a retweet
        ("🚀🚀", "📉📉"),
        ("https://x.y/1", "https://x.y/2"),
    ],
)
def test_other_headlines_are_other_stories(one: str, other: str) -> None:
    assert story_id(one, "", DAY) != story_id(other, "", DAY)


def test_an_empty_title_leaves_the_word_to_the_text() -> None:
    assert story_id("  ", "Bank halts withdrawals", DAY) == story_id("Bank halts withdrawals", "", DAY)


def test_the_next_day_is_another_story() -> None:
    midnight = DAY.replace(hour=0)
    assert story_id("Wall Street opens lower", "", midnight) == story_id("Wall Street opens lower", "", DAY)
    before = midnight - timedelta(microseconds=1)
    assert story_id("Wall Street opens lower", "", before) != story_id("Wall Street opens lower", "", DAY)


@given(NEWS_TEXT, NEWS_TEXT)
def test_story_id_is_sixteen_hexadecimal_digits_whatever_comes(title: str, text: str) -> None:
    key = story_id(title, text, DAY)
    assert len(key) == 16
    assert int(key, 16) >= 0
    assert key == story_id(title, text, DAY)


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("$ABCD 🚀🚀🚀!", "$ABCD rocket !"),
        ("💎🙌🏽 hold", "gem stone person raising both hands in celebration hold"),
        ("⚠️ 🇺🇸 €5 naïve → up", "warning €5 naïve → up"),
        ("\U0001d5d5\U0001d5e8\U0001d5ec \uff21\uff22\uff23", "BUY ABC"),
        ("plain text", "plain text"),
    ],
)
def test_emoji_and_ornate_letters_are_spelled_out(text: str, spelled: str) -> None:
    assert spell_out(text) == spelled


@given(st.text())
def test_spelling_out_twice_changes_nothing(text: str) -> None:
    assert spell_out(spell_out(text)) == spell_out(text)
