"""`tidings check` on who is told when: each mute time in words, and what is wrong with it."""

from service.check import Check, _mute_times
from tidings.settings import RoutingSettings, Settings


def checked(*mute_times: str) -> list[Check]:
    return _mute_times(Settings(routing=RoutingSettings(mute_times=mute_times)))


def test_each_mute_time_says_until_when_it_is_quiet() -> None:
    always, once = checked("Mon-Sun 00:00-24:00 UTC receiver=desk", "2020-01-01 10:00-11:00 UTC")
    assert always == Check(
        "mute time", True, "Mon-Sun 00:00-24:00 UTC receiver=desk: quiet for more than a year"
    )
    assert once.detail == "2020-01-01 10:00-11:00 UTC: over"
    assert checked() == []


def test_a_wrong_one_is_named_with_what_to_write() -> None:
    (unknown,) = checked("Mon-Frii 10:00-11:00 Mars/Base")
    assert (unknown.ok, unknown.detail[:20]) == (False, "routing.mute_times: ")
    (wrong,) = checked("Mon-Sun 00:00-24:00 UTC", "NYSEX:holidays 00:00-24:00 UTC")
    assert not wrong.ok
    assert wrong.detail.startswith("routing.mute_times: 'NYSEX' is no market")
    assert "NYSE" in wrong.detail
