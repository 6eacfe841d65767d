"""How many requests a key may make: a token bucket for each. Pure but for its memory; time is handed in."""

from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class Allowance:
    """Whether a request may pass, how many more may at once, and in how many seconds the next one may for certain."""

    allowed: bool
    remaining: int
    next_seconds: int


class RateLimit:
    """At most `per_minute` requests at once for each name, and as many a minute from then on; 0 is no limit.

    Not safe from several threads: the event loop asks it.
    """

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._left: dict[str, tuple[float, float]] = {}  # tokens, and when they were counted

    def take(self, name: str, now: float) -> Allowance:
        """Takes one token of the name's bucket at `now` (seconds of a clock that never goes back)."""
        rate = self.per_minute / 60
        tokens, since = self._left.get(name, (float(self.per_minute), now))
        tokens = min(float(self.per_minute), tokens + (now - since) * rate)
        allowed = tokens >= 1
        if allowed:
            tokens -= 1
        self._left[name] = (tokens, now)
        missing = max(0.0, 1 - tokens)
        return Allowance(allowed, int(tokens), ceil(missing / rate) if missing else 0)
