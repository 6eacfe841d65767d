"""What stories and items say together where their sources do not weigh alike."""

from dataclasses import dataclass

# Sources and their weights, above 0; whatever is not named weighs 1.
Weights = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Weighed:
    """Sums over the stories and over the items of a window: of weights, of their squares, of weight times value.

    A story weighs as the source of its earliest item does; its value is p_negative (0 where it was not read), an item's
    is its sentiment. Any two windows add up, field by field.
    """

    story_weight: float = 0.0
    story_squares: float = 0.0
    negative_sum: float = 0.0
    item_weight: float = 0.0
    item_squares: float = 0.0
    sentiment_sum: float = 0.0

    @property
    def stories(self) -> float:
        """How many stories of equal weight say as much: Kish's effective sample size, (sum w)^2 / sum w^2 (1965)."""
        return _effective(self.story_weight, self.story_squares)

    @property
    def items(self) -> float:
        """The same of items."""
        return _effective(self.item_weight, self.item_squares)

    @property
    def share(self) -> float:
        """The part of the stories that is negative, by weight; 0 where there are none."""
        return self.negative_sum / self.story_weight if self.story_weight else 0.0

    @property
    def mean(self) -> float:
        """The mean sentiment of the items, by weight; 0 where there are none."""
        return self.sentiment_sum / self.item_weight if self.item_weight else 0.0


def _effective(weight: float, squares: float) -> float:
    return weight * weight / squares if squares else 0.0
