"""A page as something to watch: what it reads of the store, and what it says of it, whole or part by part."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from dashboards.page.language import Words
from dashboards.page.render import render_parts
from store.reader import Reader

T = TypeVar("T")


@dataclass(frozen=True)
class View(Generic[T]):
    """A page under its address, by which it is known: the same for all who look at it.

    `read` looks at the store; None: there is nothing at this address. `values` are what the template needs, among
    them `charts` where it has any. A page that is not `live` does not update by itself; one that is `first`,
    because new alerts show there, does so before others.
    """

    path: str
    template: str = field(compare=False)
    section: str = field(compare=False)
    read: Callable[[Reader], T | None] = field(compare=False)
    values: Callable[[T, Words], Mapping[str, Any]] = field(compare=False)
    live: bool = field(default=True, compare=False)
    first: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Seen(Generic[T]):
    """What was read for a view; `away`: the store has not answered since."""

    value: T
    away: bool = False


def events(view: View[T], seen: Seen[T], words: Words) -> dict[str, str]:
    """The live events of the page: each the full state of its part. Charts are JSON by figure id, the others HTML."""
    values = view.values(seen.value, words)
    parts = render_parts(view.template, words, {**values, "away": seen.away})
    if charts := values.get("charts"):
        specs = {chart.figure: chart.spec for chart in charts}
        parts["charts"] = json.dumps(specs, ensure_ascii=False, separators=(",", ":"))
    return parts
