"""What receivers say of an alert: observed against expected for every kind of measure, odds, firmness, shares."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from alerts.receivers.brief import MOST_ALERTS, Story, briefs, heading, linked, markdown, plain, severity_of
from alerts.receivers.chart import chart_png
from alerts.receivers.email_values import usual_per_bar
from alerts.receivers.telling import began, firmness, observed, odds, share, share_of
from tidings.types import Alert, Evidence, Measured, Notification, Window

AT = datetime(2024, 5, 6, 12, 30, tzinfo=UTC)
ALERT = Alert(
    "id",
    "f",
    "rule",
    "entity",
    "Acme",
    "warning",
    "firing",
    23.2,
    0.81,
    2.4e-5,
    600,
    started_at=AT,
    fired_at=AT,
)
STORY = Evidence("1", "t", AT, "s", "https://n.example/1", -0.9, 0.58, 3)


def measured(value: float, expected: float, **fields: object) -> Alert:
    return replace(ALERT, value=value, expected=expected, measured=Measured(**fields))  # type: ignore[arg-type]  # any field


@pytest.mark.parametrize(
    ("alert", "words"),
    [
        (ALERT, "23 negative stories in 10 minutes, where 0.8 would be usual"),
        (
            measured(23.2, 0.81, lower=0, upper=3),
            "23 negative stories in 10 minutes, where 0.8 would be usual (0 to 3)",
        ),
        (
            measured(-0.62, 0.05, kind="drop", measure="sentiment", lower=-0.2, upper=0.3),
            "sentiment -0.62 over 10 minutes, where +0.05 would be usual (-0.20 to +0.30)",
        ),
        (
            measured(0.7, 0.5, kind="level", measure="negative share"),
            "negative share 70% over 10 minutes, where the limit is 50%",
        ),
        (measured(40, 30, kind="level", measure="items"), "40 items in 10 minutes, where the limit is 30"),
        (
            measured(0, 12.4, kind="no_data", measure="items", lower=6, upper=19, direction="below"),
            "0 items in 10 minutes, where 12 would be usual (6 to 19)",
        ),
    ],
)
def test_observed_against_expected(alert: Alert, words: str) -> None:
    assert observed(alert) == words


def test_odds_where_chance_has_a_say() -> None:
    assert odds(ALERT) == "about 1 in 42,000 such windows"
    assert odds(replace(ALERT, p_value=1.0)) == ""
    assert odds(measured(1, 1, kind="level")) == ""


def test_what_is_not_known_is_not_said() -> None:
    assert (share(ALERT), firmness(ALERT), began(ALERT)) == ("", "", "")
    assert firmness(measured(1, 1, without_source=False)) == "Without its largest source: no alert"
    assert share(measured(1, 1, share=0.5, stories=1200)) == "50% of 1,200 stories were negative"
    assert usual_per_bar(ALERT) is None


@pytest.mark.parametrize(
    ("alert", "part"),
    [
        (measured(5.8, 1), "10%"),
        (measured(4, 1, measure="stories"), "25%"),
        (measured(6, 1, measure="items"), "50%"),
        (measured(-0.6, 0, measure="sentiment"), ""),
        (measured(0, 1, measure="items"), ""),
    ],
)
def test_the_share_of_a_story(alert: Alert, part: str) -> None:
    assert share_of(STORY, alert) == part


def note(*alerts: Alert) -> Notification:
    return Notification("n", "desk", "g", "firing", alerts, AT)


def test_one_heading_and_one_severity_for_many_alerts() -> None:
    info, resolved = replace(ALERT, severity="info"), replace(ALERT, state="resolved", severity="critical")
    assert heading(note(info, ALERT, resolved)) == "3 alerts (2 firing, 1 resolved)"
    assert severity_of(note(info, ALERT, resolved)) == "warning"
    assert severity_of(note(info)) == severity_of(note(resolved)) == "info"
    assert severity_of(note(replace(ALERT, severity="page"))) == "warning"
    shown, more = briefs(note(*[ALERT] * 13))
    assert (len(shown), more) == (MOST_ALERTS, 3)


def test_markdown_is_cut_at_whole_lines_and_never_beyond_its_bytes() -> None:
    alert = replace(ALERT, evidence=(replace(STORY, title="危机" * 50),) * 5)
    whole = markdown(note(alert), 100_000)
    for longest in range(40, len(whole.encode()) + 20, 7):
        cut = markdown(note(alert), longest)
        assert len(cut.encode()) <= longest
        assert cut == whole or cut.endswith("…")
        assert cut.count("[") == cut.count("](")


def test_links_and_look_alikes() -> None:
    assert linked(Story("a [b]", "https://n.example/(x)?q=1", "s*")) == (
        f"[{plain('a [b]')}](https://n.example/%28x%29?q=1) ({plain('s*')})"
    )
    assert linked(Story("t", "", "s")) == "t (s)"
    assert not set("[]<>*`|\\") & set(plain("[]<>*`|\\"))


def test_a_chart_of_nothing_and_of_zeros() -> None:
    assert chart_png((), 600, "#000000") is None
    zeros = [Window("entity", "Acme", AT, 60)]
    image = chart_png(zeros, 600, "#000000", 0.5)
    assert image is not None
    assert image.startswith(b"\x89PNG")
