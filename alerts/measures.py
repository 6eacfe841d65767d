"""The figures of a window that rules look at. Pure."""

from alerts.rule import Measure
from tidings.types import Window
from tidings.weighed import Weighed

# What Measured.measure holds, and people read.
MEASURE_WORDS: dict[Measure, str] = {
    "negative_stories": "negative stories",
    "negative_share": "negative share",
    "stories": "stories",
    "items": "items",
    "sentiment": "sentiment",
}


def measure_of(window: Window | Weighed, measure: Measure) -> float:
    """The figure; a share or a mean of nothing is 0. Of a weighed window only these two are asked."""
    if isinstance(window, Weighed):
        return window.mean if measure == "sentiment" else window.share
    if measure == "negative_stories":
        return window.negative_story_sum
    if measure == "negative_share":
        return window.negative_story_sum / window.stories if window.stories else 0.0
    if measure == "sentiment":
        return window.sentiment_sum / window.items if window.items else 0.0
    return float(window.stories if measure == "stories" else window.items)
