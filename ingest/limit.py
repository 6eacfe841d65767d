"""How many dead letters are too many: then something is wrong with the stream, not with a message."""

from collections import Counter, deque
from collections.abc import Sequence

from ingest.dead_letters import DeadLetter
from tidings.errors import TidingsError
from tidings.settings import IngestSettings
from tidings.types import Consumed


class DeadLetterLimit:
    """Looks at the last `dead_letter_messages` messages of one run of a worker."""

    def __init__(self, settings: IngestSettings) -> None:
        self._settings = settings
        self._recent: deque[str] = deque(
            maxlen=settings.dead_letter_messages
        )  # reasons; "" for what was stored

    def check(self, consumed: Sequence[Consumed], letters: Sequence[DeadLetter]) -> None:
        """Adds a batch, its messages in order; raises TidingsError, with the commonest reason, past the limit."""
        self._recent.extend(one.reason for one in consumed)
        reasons = Counter(reason for reason in self._recent if reason)
        dead = reasons.total()
        if dead < self._settings.dead_letter_minimum or dead <= self._settings.dead_letter_share * len(
            self._recent
        ):
            return
        ((reason, count),) = reasons.most_common(1)
        example = next(
            (f", for example: {letter.detail}" for letter in letters if letter.reason == reason), ""
        )
        raise TidingsError(
            f"{dead} of the last {len(self._recent)} messages were dead letters (limit "
            f"{self._settings.dead_letter_share:.0%}), {count} of them {reason}{example}; stopped before more of the "
            "topic was dropped: mend what writes to it, or raise ingest.dead_letter_share, and start again"
        )
