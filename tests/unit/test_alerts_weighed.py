"""Weights by source: Kish's effective sample size, and what a flood from a source of little weight may do."""

import json
from collections.abc import Mapping
from dataclasses import asdict, astuple, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.conditions import CONDITIONS
from alerts.engine import Engine
from alerts.finding import Finding
from alerts.read_once import ReadOnce
from alerts.rebuild import rebuild
from alerts.rule import Rule
from alerts.rules_words import describe
from alerts.share import share_test
from alerts.states import advance
from alerts.without import _Without
from tests.unit.alerts_memory import DAY, HOUR, MINUTE, START, MemoryHistory, MemoryWindows, Story, flow
from tidings.types import Evidence, Filters, Measured, Scope
from tidings.weighed import Weighed

NOW = START + 60 * DAY
LITTLE = (("blog", 0.1),)
weights = st.floats(0.01, 100)


def of(pairs: list[tuple[float, float]]) -> Weighed:
    """Stories of these weights and values."""
    sums = sum(w for w, _ in pairs), sum(w * w for w, _ in pairs), sum(w * x for w, x in pairs)
    return Weighed(*sums, *sums)


@given(st.lists(st.tuples(weights, st.floats(0, 1)), min_size=1, max_size=50), weights)
def test_the_effective_number_is_at_most_the_number(pairs: list[tuple[float, float]], scale: float) -> None:
    found = of(pairs)
    assert 1 - 1e-9 <= found.stories <= len(pairs) * (1 + 1e-9)
    assert min(x for _, x in pairs) - 1e-9 <= found.share <= max(x for _, x in pairs) + 1e-9
    scaled = of([(w * scale, x) for w, x in pairs])
    assert (scaled.stories, scaled.share) == pytest.approx((found.stories, found.share))
    alike = of([(scale, x) for _, x in pairs])
    assert alike.stories == pytest.approx(len(pairs))
    assert (Weighed().stories, Weighed().share, Weighed().items, Weighed().mean) == (0, 0, 0, 0)


def test_it_is_the_number_of_equal_ones_whose_mean_varies_as_much() -> None:
    """The variance of a weighed mean is that of one value over the effective number (Kish 1965): exactly."""
    given_weights = [1.0, 1.0, 0.2, 0.2, 0.2, 0.5]
    variance = sum((w / sum(given_weights)) ** 2 for w in given_weights)
    assert of([(w, 0.5) for w in given_weights]).stories == pytest.approx(1 / variance)


def test_a_share_of_few_effective_stories_is_less_of_a_surprise() -> None:
    past = ([1.0] * 60, [4.0] * 60)
    chances = [share_test(0.8 * n, n, *past, 0.25).p_value for n in (20.0, 8.7, 8.0, 3.2)]
    assert chances == sorted(chances)
    assert chances[1] == chances[2], "part of a story is none"


def rule(kind: str, **fields: object) -> Rule:
    usual = Rule("r", baseline_seconds=40 * 86_400, source_weights=LITTLE)
    return replace(usual, kind=kind, **fields)  # type: ignore[arg-type]  # fields of several types


def found(rule: Rule, windows: MemoryWindows) -> Mapping[str, Finding]:
    findings = CONDITIONS[rule.kind](rule, windows, NOW)
    assert findings is not None
    return findings


def flooded(wire: float, blog: float, blogs: int) -> MemoryWindows:
    """Acme has six stories a day from the wire, half negative; today 8 from it, and many from a blog."""
    windows = MemoryWindows(flow("Acme", START, NOW - DAY, 4 * HOUR, 0.5))
    windows.add(flow("Calm Co", START, NOW, HOUR, 0.0))
    windows.add(Story(NOW - HOUR + i * MINUTE / 9, "Acme", blog, source="blog") for i in range(blogs))
    windows.add(Story(NOW - 2 * HOUR + i * MINUTE, "Acme", wire) for i in range(8))
    return windows


def test_a_spike_is_judged_by_the_share_that_weighs() -> None:
    """A blog's flood of little bad news makes the share plainly lower than expected; weighed it is the wire's."""
    windows = flooded(0.9, 0.1, 100)
    assert "Acme" not in found(rule("spike", source_weights=()), windows)
    measured = found(rule("spike"), windows)["Acme"].measured
    assert measured.share == pytest.approx((8 * 0.9 + 10 * 0.1) / 18)
    assert measured.stories == 108
    negative, stories = measured.inputs["told"]
    assert stories == pytest.approx(18**2 / (8 + 1))
    assert negative == pytest.approx(stories * (8 * 0.9 + 10 * 0.1) / 18)
    assert measured.inputs["past_stories"] == [6.0] * 40


def test_a_drop_is_judged_by_the_mean_that_weighs() -> None:
    windows = flooded(0.95, 0.4, 100)
    windows.add(Story(at, "Acme", 0.45) for at in [NOW - n * DAY - HOUR for n in range(2, 30)])
    asked = rule("drop", p_below=0.01)
    assert "Acme" not in found(replace(asked, source_weights=()), windows)
    finding = found(asked, windows)["Acme"]
    assert finding.value == pytest.approx(-(8 * 0.95 + 10 * 0.4) / 18)
    assert finding.measured.inputs["present"][1] == pytest.approx(18**2 / (8 + 1))


@pytest.mark.parametrize(("measure", "sign"), [("negative_share", 1), ("sentiment", -1)])
def test_a_level_is_one_of_what_weighs(measure: str, sign: int) -> None:
    windows = flooded(0.9, 0.1, 100)
    asked = rule("level", measure=measure, level=sign * 0.4, direction="above" if sign > 0 else "below")
    assert "Acme" not in found(replace(asked, source_weights=()), windows)
    assert found(asked, windows)["Acme"].value == pytest.approx(sign * (8 * 0.9 + 10 * 0.1) / 18)
    assert "Acme" not in found(replace(asked, min_stories=109), windows)


@pytest.mark.parametrize("kind", ["spike", "drop", "level"])
def test_an_alert_says_its_weights_and_is_rebuilt_exactly(kind: str) -> None:
    windows = flooded(0.95, 0.3, 60)
    asked = rule(kind, p_below=0.2, measure="negative_share" if kind == "level" else None, level=0.4)
    finding = found(asked, windows)["Acme"]
    alert = advance(None, finding, asked, "Acme", NOW)
    assert alert is not None
    stored = json.loads(json.dumps(asdict(alert.measured))) | {"filters": Filters()}
    assert rebuild(replace(alert, measured=Measured(**stored))) == finding
    alerts = Engine([asked], windows, MemoryHistory()).evaluate(NOW)
    assert [a.measured.source_weights for a in alerts if a.key == "Acme"] == [{"blog": 0.1}]
    assert "sources weigh 1, but blog 0.1" in describe(asked)


def test_without_some_stories_the_weights_are_those_of_the_rest() -> None:
    windows = flooded(0.9, 0.1, 30)
    blog = [
        Evidence(str(i), "", s.at, s.source, "", s.sentiment, s.p_negative)
        for i, s in enumerate(windows.stories)
    ]
    left_out = [story for story in blog if story.source == "blog"][:10]
    scope: Scope = "entity"
    asked = (scope, ["Acme", "Calm Co"], NOW - 3 * DAY, NOW, 86_400, LITTLE)
    told = windows.weighed(*asked)
    less = _Without(windows, "Acme", blog, left_out).weighed(*asked)
    assert less["Calm Co"] == told["Calm Co"]
    assert less["Acme"][:2] == told["Acme"][:2]
    assert astuple(less["Acme"][2]) == pytest.approx(
        astuple(flooded(0.9, 0.1, 20).weighed(*asked)["Acme"][2])
    )
    once = ReadOnce(windows)
    once.begin(NOW)
    assert once.weighed(*asked) == told
    windows.add([Story(NOW - HOUR, "Acme")])
    assert once.weighed(*asked) == told, "read once"
