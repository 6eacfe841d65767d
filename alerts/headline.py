"""Is the bad news about the name? A name that stands in the text of many bad stories may only be a bystander."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from alerts.evidence import MOST_STORIES, counted
from alerts.finding import Finding
from alerts.headline_role import is_about
from alerts.protocols import NamesIn, Windows
from alerts.rule import Rule
from tidings.types import Evidence


def in_headlines(
    rule: Rule,
    windows: Windows,
    now: datetime,
    findings: Mapping[str, Finding],
    firing: Collection[str],
    names_in: NamesIn,
) -> dict[str, Finding]:
    """The findings whose bad news is about the key, as its headlines tell (alerts/headline_role.py).

    `rule.in_headline` of the negative stories or more must be about it, and more than half of those whose headline
    names it. The stories are those that the finding counts (of a drift, all its recent windows), weighed by p_negative;
    the share stands in `measured.headline_share`. Keys that are `firing` are not asked again: while a story unfolds its
    headlines take the name for granted.
    """
    kept = {}
    for key, finding in findings.items():
        if key in firing:
            kept[key] = finding
            continue
        start = now - counted(finding.measured, rule.window_seconds)
        stories = windows.evidence(rule.scope, key, start, now, MOST_STORIES, rule.filters)
        about, aside = headline_shares(
            key.split(" | ")[-1], stories, names_in, rule.ignores
        )  # of "TOPIC | ENTITY"
        if about >= rule.in_headline and about > aside:
            kept[key] = replace(finding, measured=replace(finding.measured, headline_share=about))
    return kept


def headline_shares(
    name: str, stories: Sequence[Evidence], names_in: NamesIn, ignored: Callable[[str], bool]
) -> tuple[float, float]:
    """The parts of the stories' p_negative in whose headlines the name is what they are about, and something else."""
    told = [(is_about(name, names_in(story.title), ignored), story.p_negative) for story in stories]
    total = math.fsum(p for _, p in told) or 1.0
    about, aside = (math.fsum(p for is_it, p in told if is_it is asked) / total for asked in (True, False))
    return about, aside
