"""The SQL of an alert gives its value again, whatever its key is called."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.evidence_sql import sql_of
from store.store import Store
from tests.items import T0, scored
from tidings.types import Alert, Filters, Measured, Scope, ScoredItem, Window

_NAMES = st.text(
    st.one_of(st.sampled_from("'\"\\`;%{}|\n\t\r\0 -/*"), st.characters(exclude_categories=["Cs"])),
    min_size=1, max_size=12,
)  # fmt: skip
_HOUR = timedelta(hours=1)
_days = count()  # each example has a day of its own


def alert_on(scope: Scope, key: str, start: datetime, value: float, measured: Measured) -> Alert:
    """An alert over the hour from `start`."""
    window = Window(scope, key, start, 3600)
    return Alert(
        "a", "f", "rule", scope, key, "warning", "firing", value, 0.1, 1e-6, 3600, start + _HOUR,
        series=(window,), measured=measured,
    )  # fmt: skip


def told(name: str, day: int) -> list[ScoredItem]:
    """Stories before, in and after the hour, one syndicated from before it, one not read, one of another language."""

    def one(item: str, minute: float, **more: object) -> ScoredItem:
        return scored(
            f"{item}-{day}", minute + day * 1440, entities=[name, "Other"], topic=name, source=name, **more
        )  # type: ignore[arg-type]  # keywords of one kind each

    foreign = one("foreign", 8, p_negative=0.6)
    return [
        one("before", -5, p_negative=0.7),
        one("first", 0, p_negative=0.9),
        one("second", 30, p_negative=0.4),
        one("copy", 31, p_negative=0.8, story=f"story-before-{day}"),
        one("unread", 40, p_negative=0.9, flag="language"),
        one("after", 60, p_negative=0.9),
        replace(foreign, item=replace(foreign.item, lang="de")),
        scored(f"another-{day}", 10 + day * 1440, entities=["Other"], topic="Other", source="Other"),
    ]


@settings(max_examples=10)
@given(name=_NAMES)
def test_the_sql_of_an_alert_gives_its_value(store: Store, name: str) -> None:
    day = next(_days)
    start, end = T0 + timedelta(days=day), T0 + timedelta(days=day) + _HOUR
    store.insert(told(name, day))
    while store.roll():
        pass
    keys: dict[Scope, str] = {
        "all": "", "topic": name, "entity": name, "source": name, "topic_entity": f"{name} | {name}"
    }  # fmt: skip
    wanted, asked = [], []
    for scope, key in keys.items():
        for filters in (Filters(), Filters(sources=(name,), kinds=("news",), languages=("en",))):
            found = next(w for w in store.totals(scope, start, end, 0.0, filters) if w.key == key)
            values = {
                "negative stories": found.negative_story_sum,
                "negative share": found.negative_story_sum / found.stories,
                "stories": found.stories,
                "items": found.items,
                "sentiment": found.sentiment_sum / found.items,
            }
            for measure, value in values.items():
                alert = alert_on(scope, key, start, value, Measured(measure=measure, filters=filters))
                wanted.append(value)
                asked.append(f"({sql_of(alert)})")
        weights = {"Other": 2.0} | {name: 0.3}
        (weighed,) = store.weighed(scope, [key], start, end, 3600, tuple(weights.items()))[key]
        for measure, value in (("negative share", weighed.share), ("sentiment", weighed.mean)):
            measured = Measured(measure=measure, source_weights=weights)
            wanted.append(value)
            asked.append(f"({sql_of(alert_on(scope, key, start, value, measured))})")
    answers = store.sql(f"SELECT {', '.join(asked)}", "TSV").split("\t")
    assert [float(answer) for answer in answers] == pytest.approx(wanted, abs=1e-6)
