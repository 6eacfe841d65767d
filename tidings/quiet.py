"""Why somebody is not told of an alert now."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

QuietKind = Literal["silenced", "snoozed", "inhibited", "muted"]


@dataclass(frozen=True, slots=True)
class Quiet:
    """`who` asked for it (of muted: the receivers whose mute time it is), until when, and what was said."""

    kind: QuietKind
    who: str = ""
    until: datetime | None = None
    why: str = ""
