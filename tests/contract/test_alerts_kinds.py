"""Every kind of rule over the store and over items in memory: the same findings, filters and scopes included."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from alerts.conditions import CONDITIONS
from alerts.memory_windows import MemoryWindows
from alerts.rule import KINDS, Rule
from store.store import Store
from tests.items import T0, scored
from tidings.types import SCOPES, Filters, ScoredItem

DAYS = 21
NOW = T0 + timedelta(days=DAYS)
NEWS = Filters(kinds=("news",), languages=("en",))


def stream() -> list[ScoredItem]:
    """Three weeks of some items an hour on few names; the last six are trouble, and on the last day one is new."""
    draw = Random(5)
    items = []
    for i in range(DAYS * 24 * 3):
        minute = i * 20 + draw.uniform(0, 19)
        trouble, last_day = minute > (DAYS - 6) * 1440, minute > (DAYS - 1) * 1440
        item = scored(
            str(i),
            minute,
            story=f"s{i if draw.random() < 0.8 else i - 1}",
            p_negative=draw.choice([0.05, 0.2, 0.9] + [0.95] * (4 * trouble + 30 * last_day)),
            topic=draw.choice(["Macro", "Legal"]),
            source=draw.choice(["wire", "paper"] + ([] if last_day else ["quiet"] * 2)),
            entities=draw.sample(
                ["Acme", "Borealis"] + (["Newcomer"] if last_day else []), 1 + draw.randrange(2)
            ),
        )
        kind = draw.choice(["news", "news", "social"])
        items.append(replace(item, item=replace(item.item, kind=kind, lang=draw.choice(["en", "en", "de"]))))
    return items


@pytest.fixture
def filled(store: Store) -> Store:
    store.insert(stream())
    while store.roll():
        pass
    return store


def test_the_store_and_memory_find_the_same(filled: Store) -> None:
    memory = MemoryWindows(stream())
    memory.advance_to(NOW)
    fired = set()
    for kind in KINDS:
        for scope in SCOPES:
            for filters in (Filters(), NEWS):
                rule = Rule(
                    *("r", kind, scope, 86_400, (DAYS - 3) * 86_400, 0.05, 3.0),
                    filters=filters, level=0.3, min_sources=1 if kind in ("volume", "no_data") else 2,
                    measure="negative_share" if kind == "level" else None,
                )  # fmt: skip
                stored, kept = (CONDITIONS[kind](rule, windows, NOW) for windows in (filled, memory))
                assert stored is not None
                assert kept is not None
                assert stored.keys() == kept.keys(), rule
                for key, finding in stored.items():
                    assert finding.value == pytest.approx(kept[key].value), (rule, key)
                    assert finding.expected == pytest.approx(kept[key].expected)
                    assert finding.p_value == pytest.approx(kept[key].p_value, rel=1e-6, abs=1e-12)
                    assert finding.measured.sources == kept[key].measured.sources
                    fired.add(kind)
    assert fired == set(KINDS), "each kind has found something"
