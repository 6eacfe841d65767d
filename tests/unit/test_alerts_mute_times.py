"""Mute times: hours of weekdays, dates and market days, by the clock of their zone, over changes of summer time."""

import re
import tomllib
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alerts.market_days import market, names
from alerts.mute_times import parse_mute_time
from tidings.errors import ConfigError

NEW_YORK = "XNYS:outside 09:30-16:00/13:00 America/New_York"
LONDON = "XLON:outside 08:00-16:30/12:30 Europe/London"
HONG_KONG = "XHKG:outside 09:30-16:00/12:00 Asia/Hong_Kong"
RIYADH = "XSAU:outside 10:00-15:00 Asia/Riyadh"
SESSIONS = {NEW_YORK: (390, 210), LONDON: (510, 270), HONG_KONG: (390, 150), RIYADH: (300, 300)}


def utc(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment", "covered"),
    [
        ("Sat-Sun 00:00-24:00 America/New_York", utc(3, 7, 4, 59), False),  # Friday there
        ("Sat-Sun 00:00-24:00 America/New_York", utc(3, 7, 5), True),
        ("Mon-Fri 17:30-08:00 Europe/London", utc(7, 3, 16, 30), True),  # summer time
        ("Mon-Fri 17:30-08:00 Europe/London", utc(7, 3, 16, 29), False),
        ("Mon-Fri 17:30-08:00 Europe/London", utc(7, 4, 6, 59), True),  # since Friday
        ("Mon-Fri 17:30-08:00 Europe/London", utc(7, 4, 7), False),
        ("Mon-Fri 17:30-08:00 Europe/London", utc(7, 6, 1), False),  # Sunday's night
        ("Fri-Mon 00:00-24:00 UTC", utc(7, 5, 1), True),
        ("Fri-Mon 00:00-24:00 UTC", utc(7, 7, 1), False),
        ("2026-12-25 00:00-24:00 Asia/Tokyo", utc(12, 24, 15), True),
        ("2026-12-25 00:00-24:00 Asia/Tokyo", utc(12, 25, 15), False),
        (NEW_YORK, utc(3, 6, 14, 29), True),  # the last Friday of winter time
        (NEW_YORK, utc(3, 6, 14, 30), False),
        (NEW_YORK, utc(3, 9, 13, 29), True),  # the first Monday of summer time
        (NEW_YORK, utc(3, 9, 13, 30), False),
        (NEW_YORK, utc(11, 25, 20, 59), False),
        (NEW_YORK, utc(11, 25, 21), True),
        (NEW_YORK, utc(11, 26, 16), True),  # Thanksgiving
        (NEW_YORK, utc(11, 27, 17, 59), False),  # the day after, to 13:00
        (NEW_YORK, utc(11, 27, 18), True),
        (NEW_YORK, utc(11, 28, 16), True),  # Saturday
        (LONDON, utc(3, 27, 8), False),
        (LONDON, utc(3, 30, 7), False),  # a day after the change of the clocks
        (LONDON, utc(12, 24, 12, 29), False),  # Christmas Eve, to 12:30
        (LONDON, utc(12, 24, 12, 30), True),
        (LONDON, utc(12, 28, 10), True),  # Boxing Day (observed)
        (HONG_KONG, utc(2, 16, 3, 59), False),  # the eve of the Lunar New Year, to 12:00
        (HONG_KONG, utc(2, 16, 4), True),
        (RIYADH, utc(11, 22, 8), False),  # open on Sunday
        (RIYADH, utc(11, 27, 8), True),  # and not on Friday
        ("XNYS:outside 09:30-16:00 America/New_York", utc(11, 27, 20), False),  # its half days not heeded
        ("xecb:holidays 00:00-24:00 Europe/Berlin", utc(4, 30, 22), True),  # Labour Day
        ("xecb:holidays 00:00-24:00 Europe/Berlin", utc(4, 30, 21, 59), False),
        ("NYSE:half-days 13:00-24:00 America/New_York", utc(12, 24, 18), True),
        ("NYSE:half-days 13:00-24:00 America/New_York", utc(12, 23, 18), False),
    ],
)
def test_mute_times_go_by_the_clock_of_their_zone(text: str, moment: datetime, covered: bool) -> None:
    assert parse_mute_time(text, "x").covers(moment) is covered


@given(
    text=st.sampled_from(sorted(SESSIONS)),
    day=st.dates(date(2021, 1, 1), date(2035, 12, 31)),
)
@example(NEW_YORK, date(2026, 3, 8))
@example(NEW_YORK, date(2026, 11, 27))
@example(LONDON, date(2026, 10, 25))
def test_what_is_left_of_a_day_is_its_session(text: str, day: date) -> None:
    """Of every minute of the day by the clock of the zone, however many there are: 23, 24 or 25 hours."""
    mute = parse_mute_time(text, "x")
    begins, ends = (datetime.combine(one, time(), mute.zone) for one in (day, day + timedelta(days=1)))
    minutes = int((ends.astimezone(UTC) - begins.astimezone(UTC)).total_seconds() / 60)
    told = [
        moment
        for moment in (begins.astimezone(UTC) + timedelta(minutes=one) for one in range(minutes))
        if not mute.covers(moment)
    ]
    which = market(text.partition(":")[0], "x")
    whole, half = SESSIONS[text]
    assert len(told) == (half if which.half_day(day) else whole if which.trading_day(day) else 0)
    if told:
        assert f"{told[0].astimezone(mute.zone):%H:%M}" == text.split()[1][:5]
        assert told[-1] - told[0] == timedelta(minutes=len(told) - 1)


@given(st.dates(date(2020, 1, 1), date(2035, 1, 1)), st.sampled_from(["XNYS", "XLON", "XTSE"]))
def test_a_day_is_a_holiday_or_a_trading_day_and_a_half_day_is_a_trading_day(day: date, name: str) -> None:
    one = market(name, "x")
    assert not (one.holiday(day) and one.trading_day(day))
    assert not one.half_day(day) or one.trading_day(day)


def test_the_manuals_examples_and_markets_are_understood() -> None:
    text = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text(encoding="utf-8")
    settings = tomllib.loads(text.split("```toml\n")[1].split("```")[0])["routing"]
    assert len([parse_mute_time(one, "x") for one in settings["mute_times"]]) == 4
    with_half_days, without = text.split("With half days: ")[1].split("It computes")[0].split("Without: ")
    for part, expected in ((with_half_days, True), (without, False)):
        codes = re.findall(r"\bX[A-Z]{3}\b|IFEU|BVMF", part)
        assert codes
        assert {market(code, "x").has_half_days for code in codes} == {expected}


def test_each_market_of_the_library_can_be_asked() -> None:
    for name in names():
        text = f"{name}:outside 09:00-17:00 UTC"
        told = [day for day in range(1, 29) if not parse_mute_time(text, "x").covers(utc(6, day, 12))]
        assert 14 <= len(told) <= 20, name  # of the 20 weekdays of these four weeks


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("XNYZ:outside 09:30-16:00 UTC", "'XNYZ' is no market .* nearest: .*XNYS"),
        ("frankfurt:holidays 09:30-16:00 UTC", "is no market"),
        ("XNYS:sessions 09:30-16:00 UTC", "XNYS:holidays, :half-days or :outside"),
        ("XNYS: 09:30-16:00 UTC", "XNYS:holidays, :half-days or :outside"),
        ("XECB:half-days 09:30-16:00 UTC", "no half days of XECB"),
        ("XECB:outside 09:30-16:00/12:00 UTC", "no half days of XECB"),
        ("XNYS:outside 16:00-09:30 UTC", "must end after they begin"),
        ("XNYS:outside 09:30-16:00/17:00 UTC", "half days no later"),
        ("XNYS:outside 09:30-16:00/09:30 UTC", "must end after they begin"),
        ("XNYS:outside 09:30-16:00/ UTC", "must be DAYS"),
        ("XNYS:half-days 09:30-16:00/13:00 UTC", "must be DAYS"),
        ("Mon 09:30-16:00/13:00 UTC", "must be DAYS"),
        ("XNYS:outside 09:30-16:00", "must be DAYS"),
        ("XNYS:outside 09:30-16:00 America/Gotham", "must be DAYS"),
        ("XNYS:outside 09:30-16:00 UTC severity", "'severity' is no matcher"),
    ],
)
def test_what_is_wrong_with_a_market_time_is_said(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=rf"routing\.mute_times: .*{words}"):
        parse_mute_time(text, "routing.mute_times")


@given(st.text(max_size=40) | st.from_regex(r"[A-Z]{3,4}:[a-z-]{1,9} \d?\d:\d\d-\d\d:\d\d(/\d\d:\d\d)? UTC"))
def test_whatever_is_written_is_understood_or_refused(text: str) -> None:
    with suppress(ConfigError):
        assert parse_mute_time(text, "x").covers(utc(1, 1, 1)) in (True, False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (NEW_YORK, "quiet until 2026-11-27 14:30 UTC"),  # over Thanksgiving
        (LONDON, "not quiet; next from 2026-11-26 16:30 UTC"),
        ("XNYS:half-days 13:00-24:00 America/New_York", "not quiet; next from 2026-11-27 18:00 UTC"),
        ("Sat-Sun 00:00-24:00 UTC", "not quiet; next from 2026-11-28 00:00 UTC"),
        ("2025-12-25 00:00-24:00 UTC", "over"),
        ("Mon-Sun 00:00-24:00 UTC", "quiet for more than a year"),
    ],
)
def test_check_says_until_when_it_is_quiet(text: str, words: str) -> None:
    assert parse_mute_time(text, "x").words(utc(11, 26, 12)) == words
