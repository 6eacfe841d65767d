"""`tidings store rescore`: the present model over items that an earlier version has scored."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from classifier.model import Model
from store.store import Store
from tidings.text import classifier_input


def rescore(
    store: Store,
    model: Model,
    start: datetime,
    end: datetime,
    batch_items: int,
    progress: Callable[[datetime, int], None],
) -> int:
    """Scores the items published in [start, end) again and rolls their windows; returns how many it scored.

    What the present model has scored is left out, so it goes on where it was interrupted. `progress` is told the
    minute reached and the items done.
    """
    done = 0
    for minute, items in store.scored_by_others(model.manifest.version, start, end):
        for at in range(0, len(items), batch_items):
            batch = items[at : at + batch_items]
            predictions = model.predict([classifier_input(s.item.title, s.item.text) for s in batch])
            now = datetime.now(UTC)
            store.insert(
                [replace(s, prediction=p, scored_at=now) for s, p in zip(batch, predictions, strict=True)]
            )
            done += len(batch)
            progress(minute, done)
    while store.roll():
        pass
    return done
