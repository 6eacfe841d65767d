"""Stream time waits for the slower partition and never runs backwards."""

from datetime import UTC, datetime, timedelta

from tidings.clock import StreamClock, WallClock

T0 = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_wall_clock_is_utc() -> None:
    assert WallClock().now().tzinfo is UTC


def test_nothing_before_the_first_message() -> None:
    clock = StreamClock()
    clock.advance({}, waiting=["news"])
    assert clock.now() is None


def test_follows_the_latest_when_all_is_read() -> None:
    clock = StreamClock()
    clock.advance({"news": T0, "social": T0 + HOUR})
    assert clock.now() == T0 + HOUR


def test_a_partition_with_messages_waiting_holds_it_back() -> None:
    clock = StreamClock()
    clock.advance({"news": T0 + 5 * HOUR}, waiting=["social"])
    assert clock.now() is None, "nothing is known of the other partition yet"
    clock.advance({"social": T0}, waiting=["social"])
    assert clock.now() == T0
    clock.advance({"social": T0 + 4 * HOUR}, waiting=[])
    assert clock.now() == T0 + 5 * HOUR


def test_of_several_that_wait_the_slowest_counts() -> None:
    clock = StreamClock()
    clock.advance({"news": T0 + 5 * HOUR, "social": T0 + HOUR}, waiting=["news", "social"])
    assert clock.now() == T0 + HOUR


def test_late_items_do_not_turn_it_back() -> None:
    clock = StreamClock()
    clock.advance({"news": T0 + HOUR})
    clock.advance({"news": T0}, waiting=["news"])
    assert clock.now() == T0 + HOUR
