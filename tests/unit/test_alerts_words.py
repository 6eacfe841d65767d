"""An alert in words and bars."""

from dataclasses import replace
from datetime import timedelta

import pytest

from alerts.receivers.words import (
    bars_of,
    one_line,
    say_count,
    say_odds,
    sparkline,
    summarise,
)
from tests.unit.alerts_memory import START
from tidings.shown import safe_link
from tidings.types import Alert, Measured, Window

FIRING = Alert(
    alert_id="f00d-20240101T000000Z",
    fingerprint="f00d",
    rule="spike",
    scope="entity",
    key="Northgate Bank",
    severity="critical",
    state="firing",
    value=23.2,
    expected=0.81,
    p_value=2e-12,
    window_seconds=600,
    started_at=START,
    fired_at=START,
)


@pytest.mark.parametrize(
    ("p_value", "words"),
    [
        (0.0, "less than 1 in a billion"),
        (2e-12, "less than 1 in a billion"),
        (3e-4, "about 1 in 3,300"),
        (1e-3, "about 1 in 1,000"),
        (4e-7, "about 1 in 2.5 million"),
        (1.0, "about 1 in 1"),
    ],
)
def test_odds_in_words(p_value: float, words: str) -> None:
    assert say_odds(p_value) == words


def test_counts_in_words() -> None:
    assert [say_count(v) for v in (0.008, 0.81, 4.0, 23.2, 1234.0)] == [
        *("fewer than 0.1", "0.8", "4.0", "23", "1,234")
    ]


def test_the_summary_names_the_key_the_count_and_what_is_usual() -> None:
    assert summarise(FIRING) == "negative stories on Northgate Bank: 23 in 10 minutes (expected 0.8)"
    assert "on the topic Macro:" in summarise(replace(FIRING, scope="topic", key="Macro"))
    assert "on the whole stream:" in summarise(replace(FIRING, scope="all", key=""))


def test_text_from_outside_is_made_harmless() -> None:
    assert one_line("a\r\nBcc: x\x00 \u202eb\ud800") == "a Bcc: x b"
    assert one_line("x" * 400, 10) == "x" * 9 + "…"
    assert safe_link("https://news.example/a?b=1#c") == "https://news.example/a?b=1#c"
    for bad in (
        *("javascript:alert(1)", "data:text/html,x", "//x.example", "https://", "ftp://x.example"),
        *(
            "https://bank.example@evil.example/",
            "https://[",
            "https://x.example/\n",
            'https://x.example/"on=',
        ),
    ):
        assert safe_link(bad) == ""


def test_the_chart_marks_the_alerts_own_window() -> None:
    series = [
        Window("entity", "K", START + i * timedelta(minutes=5), 300, negative_story_sum=float(i))
        for i in range(5)
    ]
    bars = bars_of(series, 600)
    assert [bar.present for bar in bars] == [False, False, False, True, True]
    assert [bar.height for bar in bars] == [0, 0.25, 0.5, 0.75, 1]
    assert sparkline(series) == "·▃▅▇█"
    assert bars_of((), 600) == []
    assert sparkline([replace(series[0])]) == "·"


@pytest.mark.parametrize(
    ("measured", "value", "expected", "summary"),
    [
        (
            Measured("drop", "sentiment"),
            *(-0.42, -0.05, "sentiment on Acme has dropped: -0.42 over 24 hours (expected -0.05)"),
        ),
        (Measured("drift"), 4.2, 1.03, "negative stories on Acme creep up: 4.2 per 24 hours (expected 1.0)"),
        (Measured("level", "negative share"), 0.62, 0.5, "negative share on Acme: 62% over 24 hours (above 50%)"),
        (
            Measured("level", "sentiment", "below"),
            *(-0.42, -0.3, "sentiment on Acme: -0.42 over 24 hours (below -0.30)"),
        ),
        (Measured("volume", "stories"), 120, 20.4, "attention to Acme: 120 stories in 24 hours (expected 20)"),
        (Measured("no_data", "items"), 0, 45.2, "Acme has gone quiet: 0 items in 24 hours (expected 45)"),
        (
            Measured("new_key"),
            *(6.2, 0.01, "negative stories on Acme, seldom spoken of before: 6 in 24 hours"),
        ),
    ],
)  # fmt: skip
def test_each_kind_is_summed_up_in_its_own_words(
    measured: Measured, value: float, expected: float, summary: str
) -> None:
    alert = replace(
        FIRING, key="Acme", value=value, expected=expected, window_seconds=86_400, measured=measured
    )
    assert summarise(alert) == summary


def test_a_name_within_a_topic_is_named_by_both() -> None:
    alert = replace(FIRING, scope="topic_entity", key="Macro | Acme")
    assert summarise(alert).startswith("negative stories on Macro | Acme: 23")
