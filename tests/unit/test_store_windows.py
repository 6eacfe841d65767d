"""How minutes are shared out among statements."""

from datetime import timedelta

from store.windows import portions
from tests.items import T0

MINUTES = [T0 + timedelta(minutes=number) for number in range(5)]


def test_a_statement_takes_a_bounded_number_of_items() -> None:
    sizes = dict(zip(MINUTES, [4, 6, 1, 30, 0], strict=True))
    assert list(portions(MINUTES, sizes, 10)) == [MINUTES[:2], MINUTES[2:3], MINUTES[3:4], MINUTES[4:]]
    assert list(portions(MINUTES, {}, 10)) == [MINUTES]
    assert list(portions([], {}, 10)) == []
