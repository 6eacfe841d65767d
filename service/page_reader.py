"""Reads that several pages ask for alike, asked once a round."""

from store.client import Params, Row
from store.reader import Reader


class OneRound:
    """A Reader that remembers its answers. To be thrown away after the round; used by one thread at a time."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._answers: dict[tuple[str, str], list[Row]] = {}

    def query(self, sql: str, params: Params | None = None) -> list[Row]:
        """The reader's answer, or the one it gave to the same question before."""
        question = (sql, repr(params))
        if question not in self._answers:
            self._answers[question] = self._reader.query(sql, params)
        return self._answers[question]

    def close(self) -> None:
        """The reader belongs to somebody else."""
