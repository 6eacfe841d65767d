"""How texts are cut into batches. Pure."""

from collections.abc import Sequence


def plan_batches(lengths: Sequence[int], batch_tokens: int) -> list[list[int]]:
    """Positions grouped so that longest times count stays within `batch_tokens` (padding included).

    Positions are sorted by length, so that little is padded; a single text longer than the limit
    gets a batch of its own. Every position appears exactly once.
    """
    batches: list[list[int]] = []
    batch: list[int] = []
    for position in sorted(range(len(lengths)), key=lengths.__getitem__):
        # Sorted ascending: the newcomer is the longest of its batch.
        if batch and lengths[position] * (len(batch) + 1) > batch_tokens:
            batches.append(batch)
            batch = []
        batch.append(position)
    return [*batches, batch] if batch else batches


def plan_groups(sizes: Sequence[int], most: int) -> list[range]:
    """Neighbouring positions grouped so that their sizes sum to at most `most`; a larger one stands alone."""
    groups: list[range] = []
    start, total = 0, 0
    for position, size in enumerate(sizes):
        if position > start and total + size > most:
            groups.append(range(start, position))
            start, total = position, 0
        total += size
    return [*groups, range(start, len(sizes))] if sizes else groups
