"""The words that moved the scores of the stories behind an alert. A wish, never a condition, of the alert."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from alerts.protocols import Explain
from tidings.types import Evidence

LONGEST_SECONDS = 5.0

_log = logging.getLogger(__name__)


def with_words(
    found: Sequence[Evidence],
    known: Sequence[Evidence],
    explain: Explain | None,
    monotonic: Callable[[], float] = time.monotonic,
) -> tuple[Evidence, ...]:
    """`found` with words: those of `known`, the evidence so far, and for new stories `explain`'s.

    Each story is explained once, whether that gave words or not. After a failure, or LONGEST_SECONDS, the rest
    goes without, so that no alert is kept waiting.
    """
    before = {(story.item_id, story.title): story.words for story in known}
    began, explained = monotonic(), []
    for story in found:
        key = (story.item_id, story.title)
        if key in before:
            story = replace(story, words=before[key])
        elif explain is not None and monotonic() - began >= LONGEST_SECONDS:
            _log.warning("evidence goes without its words: they took over %g seconds", LONGEST_SECONDS)
            explain = None
        elif explain is not None:
            try:
                story = replace(story, words=explain(story.title))
            except Exception as error:  # whatever it is, the alert matters more
                _log.warning("evidence goes without its words: %s: %s", type(error).__name__, error)
                explain = None
        explained.append(story)
    return tuple(explained)
