"""Is the bad news about the name? A name that stands in the text of many bad stories may only be a bystander."""

import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from alerts.finding import Finding
from alerts.protocols import NamesIn, Windows
from alerts.rule import Rule

MOST_STORIES = 1_000  # so many are looked at, the most negative first


def in_headlines(
    rule: Rule,
    windows: Windows,
    now: datetime,
    findings: Mapping[str, Finding],
    firing: Collection[str],
    names_in: NamesIn,
) -> dict[str, Finding]:
    """The findings for which `rule.in_headline` of the negative stories, or more, name the key in their headline.

    The stories are those that the finding counts (of a drift, all its recent windows), weighed by p_negative; the share
    stands in `measured.headline_share`. Keys that are `firing` are not asked again: while a story unfolds its
    headlines take the name for granted.
    """
    kept = {}
    for key, finding in findings.items():
        if key in firing:
            kept[key] = finding
            continue
        start = now - timedelta(seconds=rule.window_seconds) * _windows_of(finding)
        share = headline_share(rule, windows, key, start, now, names_in)
        if share >= rule.in_headline:
            kept[key] = replace(finding, measured=replace(finding.measured, headline_share=share))
    return kept


def headline_share(
    rule: Rule, windows: Windows, key: str, start: datetime, now: datetime, names_in: NamesIn
) -> float:
    """The part of the p_negative of the key's stories in [start, now) that has the key in the headline; 0 for none."""
    stories = windows.evidence(rule.scope, key, start, now, MOST_STORIES, rule.filters)
    name = key.split(" | ")[-1]  # of "TOPIC | ENTITY"
    named = math.fsum(story.p_negative for story in stories if names(name, names_in(story.title)))
    total = math.fsum(story.p_negative for story in stories)
    return named / total if total else 0.0


def names(name: str, found: Collection[str]) -> bool:
    """Whether `name` is among the names found, or is the longer form of one: "Stanford" of "Allen Stanford"."""
    return any(one == name or name.startswith(f"{one} ") or name.endswith(f" {one}") for one in found)


def _windows_of(finding: Finding) -> int:
    return int(finding.measured.inputs.get("recent", [1.0])[0])
