"""Files become messages: the same ones each time, and errors name the place and the fix."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from ingest.message import decode
from ingest.replay import ReplayReport, replay
from tidings.errors import ConfigError


class Published:
    """A publisher that keeps what it is sent."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self.flushed = 0

    def send(self, kafka_topic: str, value: bytes) -> None:
        self.messages.append((kafka_topic, value))

    def flush(self) -> None:
        self.flushed = len(self.messages)

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(value) for _, value in self.messages]


def write(path: Path, text: str) -> Path:
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


CSV = """published_at,title,text,other
2008-03-14T12:00:00Z,"Bank, in trouble",,x
2008-03-15T12:00:00Z,,"Two
lines",x
2008-03-16T12:00:00Z,Bank rescued,,x
"""


def test_csv_rows_become_messages(tmp_path: Path) -> None:
    out = Published()
    report = replay(write(tmp_path / "wire.2008.csv.gz", CSV), out)
    assert out.rows[0] == {
        "published_at": "2008-03-14T12:00:00Z",
        "title": "Bank, in trouble",
        "source": "wire",
    }
    assert out.rows[1]["text"] == "Two\nlines"
    assert {topic for topic, _ in out.messages} == {"news.raw"}
    assert (report.rows, report.published, report.left_out, out.flushed) == (3, 3, 0, 3)
    assert report.first == datetime(2008, 3, 14, 12, tzinfo=UTC)
    assert report.last == datetime(2008, 3, 16, 12, tzinfo=UTC)


def test_jsonl_rows_go_to_the_topic_of_their_kind(tmp_path: Path) -> None:
    lines = [
        {"title": "A", "published_at": 1205496000, "kind": "social", "id": 7, "tickers": ["AAPL"]},
        {"text": "B", "published_at": "2008-03-14", "source": "mine"},
    ]
    out = Published()
    replay(write(tmp_path / "p.jsonl", "\n\n".join(map(json.dumps, lines))), out, source="given")
    assert [topic for topic, _ in out.messages] == ["social.raw", "news.raw"]
    assert [row["source"] for row in out.rows] == ["given", "mine"]
    assert decode(out.messages[0][1], "social.raw").item_id == "given:7"
    replay(tmp_path / "p.jsonl", again := Published(), kafka_topic="elsewhere")
    assert {topic for topic, _ in again.messages} == {"elsewhere"}


def test_the_same_file_gives_the_same_messages(tmp_path: Path) -> None:
    file = write(tmp_path / "wire.csv", CSV)
    first, second = Published(), Published()
    replay(file, first)
    replay(file, second)
    assert first.messages == second.messages


def test_from_is_included_and_to_is_not(tmp_path: Path) -> None:
    start, end = datetime(2008, 3, 14, 12, tzinfo=UTC), datetime(2008, 3, 16, 12, tzinfo=UTC)
    out = Published()
    report = replay(write(tmp_path / "wire.csv", CSV), out, start=start, end=end)
    assert (report.published, report.left_out) == (2, 1)


def test_pacing_follows_the_publication_times(tmp_path: Path) -> None:
    waits: list[float] = []

    class Recorder(Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            return False

    file = write(tmp_path / "wire.csv", CSV)
    replay(file, Published(), speed=86_400 / 100, stop=Recorder())  # a day in 100 seconds
    assert [round(seconds, -1) for seconds in waits] == [100, 200]


def test_stop_ends_a_paced_replay_and_progress_is_told(tmp_path: Path) -> None:
    stop, told = Event(), []

    def progress(report: ReplayReport) -> None:
        told.append(report.published)
        stop.set()

    out = Published()
    report = replay(write(tmp_path / "wire.csv", CSV), out, speed=1.0, progress=progress, stop=stop)
    assert (report.published, out.flushed, told) == (1, 1, [1])


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "a.csv",
            "date,title\n2008-01-01,x\n",
            r"a\.csv: line 1: no column published_at .*date, title.*rename",
        ),
        ("a.csv", "published_at,headline\n", r"line 1: no column title or text"),
        ("a.csv", "", r"line 1: no column published_at"),
        ("a.csv", "published_at,title\n2008-01-01,a,b\n", r"line 2: 3 columns, the header has 2; quote"),
        (
            "a.csv",
            "published_at,title\nyesterday,a\n",
            r"line 2: published_at 'yesterday' is not a time; write",
        ),
        ("a.csv", "published_at,title\n,a\n", r"line 2: published_at is empty; write RFC 3339"),
        ("a.jsonl", '{"title": "x"}\n', r"a\.jsonl: line 1: published_at is empty"),
        ("a.jsonl", '{"published_at": 1, "title": "x"}\n[1]\n', r"line 2: not a JSON object; write one"),
        ("a.jsonl", '{"published_at": [1], "title": "x"}\n', r"line 1: published_at '\[1\]' is not a time"),
        ("a.xlsx", "", r"a\.xlsx: not a \.csv or \.jsonl file"),
        ("a.csv.gz", "", r"line 1: no column"),
    ],
)
def test_errors_name_file_line_column_and_fix(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        replay(write(tmp_path / name, text), Published())


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.csv: cannot be read \(No such file"):
        replay(tmp_path / "none.csv", Published())
    (tmp_path / "latin.csv").write_bytes(b"published_at,title\n2008-01-01,caf\xe9\n")
    with pytest.raises(ConfigError, match=r"latin\.csv: not UTF-8"):
        replay(tmp_path / "latin.csv", Published())
    (tmp_path / "bad.csv.gz").write_bytes(b"not gzip")
    with pytest.raises(ConfigError, match=r"bad\.csv\.gz: cannot be read \(Not a gzipped file"):
        replay(tmp_path / "bad.csv.gz", Published())
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(CSV.encode())[:-8])
    with pytest.raises(ConfigError, match=r"cut\.csv\.gz: cannot be read"):
        replay(tmp_path / "cut.csv.gz", Published())


def test_a_text_of_a_million_characters_is_read(tmp_path: Path) -> None:
    out = Published()
    replay(write(tmp_path / "a.csv", f"published_at,text\n2008-01-01,{'x' * 1_000_000}\n"), out)
    assert len(out.rows[0]["text"]) == 1_000_000
