"""Stream time is looked at in even steps, whatever the speed of the replay."""

from datetime import UTC, datetime, timedelta

from service.jobs import _moments, guarded
from tidings.errors import Unavailable

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_wall_time_is_looked_at_as_it_is() -> None:
    assert _moments(T0, T0 + timedelta(hours=1), None) == [T0 + timedelta(hours=1)]


def test_every_step_since_the_last() -> None:
    now = T0 + timedelta(minutes=3, seconds=40)
    assert _moments(T0, now, MINUTE) == [T0 + MINUTE * i for i in (1, 2, 3)]
    assert _moments(T0, T0 + timedelta(seconds=59), MINUTE) == []


def test_the_first_is_the_last_whole_step() -> None:
    assert _moments(None, T0 + timedelta(seconds=59), MINUTE) == [T0]


def test_an_outage_does_not_end_the_scheduler() -> None:
    def fails() -> None:
        raise Unavailable("store away")

    guarded(fails, "roll")()
