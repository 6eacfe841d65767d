"""The words that moved scores, for the page: each text is explained once, and only when somebody looks."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable
from threading import Lock

from tidings.errors import Unavailable
from tidings.types import Word

log = logging.getLogger(__name__)
Explain = Callable[[str], tuple[Word, ...]]
_KEPT = 5_000


class ExplainedWords:
    """Remembers the latest explanations. `explain` None: explanations are switched off. Safe in several threads."""

    def __init__(self, explain: Explain | None) -> None:
        self.is_on = explain is not None
        self._explain = explain
        self._kept: OrderedDict[str, tuple[Word, ...]] = OrderedDict()
        self._lock = Lock()  # one at a time: an explanation takes some 64 runs of the model

    def known(self, text: str) -> tuple[Word, ...]:
        """The words of a text that was explained before; else none."""
        return self._kept.get(text, ())

    def of(self, text: str) -> tuple[Word, ...]:
        """The words of the text, explained now where it must be; none when switched off. Raises Unavailable."""
        if self._explain is None:
            return ()
        with self._lock:
            if text not in self._kept:
                try:
                    self._kept[text] = self._explain(text)
                except Exception as error:  # whatever ails the model, the page goes without
                    log.warning("no words for the page: %s: %s", type(error).__name__, error)
                    raise Unavailable("the words cannot be had now") from None
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            return self._kept[text]

    def learn(self, texts: Iterable[str], most: int) -> None:
        """Explains the first `most` texts that are not known yet; gives up for now where that fails."""
        if self._explain is None:
            return
        unknown = [text for text in texts if text not in self._kept]
        try:
            for text in unknown[:most]:
                self.of(text)
        except Unavailable:
            return
