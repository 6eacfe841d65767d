"""API keys: shown once, kept as hashes, revoked at once; limits and cursors beside them."""

import base64
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from service import cli
from service.api import api_keys
from service.api_cursor import Cursor, read_cursor, write_cursor
from service.api_keys import Keys, create_key, read_keys, revoke_key
from service.api_limits import RateLimit
from tidings.errors import ConfigError, TidingsError
from tidings.settings import ApiSettings


def test_a_key_is_known_until_it_is_revoked_and_stands_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "api.json"
    key = create_key(file, "desk", ["read", "score"])
    keys = Keys(file)
    found = keys.find(key)
    assert found is not None
    assert (found.name, found.scopes) == ("desk", ("score", "read"))
    assert keys.find(key[:-1]) is None
    assert keys.find("") is None
    assert keys.find(found.sha256) is None, "the file's content is no key"
    assert key not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    other = create_key(file, "feed", ["ingest"])
    assert other != key
    assert len(key) >= 43
    assert keys.find(other) is not None, "a new key is known without a restart"
    revoke_key(file, "desk")
    assert keys.find(key) is None
    assert keys.find(other) is not None
    assert [path.name for path in file.parent.iterdir()] == ["api.json"], "no half-written file is left"


@pytest.mark.parametrize(
    ("name", "scopes", "message"),
    [
        ("", ["read"], "NAME must be"),
        ("a b", ["read"], "NAME must be"),
        ("x" * 65, ["read"], "NAME must be"),
        ("a", [], "--scopes must be some of"),
        ("a", ["read", "write"], "--scopes must be some of"),
        ("desk", ["read"], "there is a key desk already"),
    ],
)
def test_a_key_that_cannot_be_says_why(tmp_path: Path, name: str, scopes: list[str], message: str) -> None:
    file = tmp_path / "keys.json"
    create_key(file, "desk", ["read"])
    with pytest.raises(ConfigError, match=message):
        create_key(file, name, scopes)
    assert len(read_keys(file)) == 1


@pytest.mark.parametrize(
    "content", ["", "[]", '{"keys": [{}]}', '{"keys": [{"name": "a", "scopes": ["x"]}]}']
)
def test_a_wrong_keys_file_lets_nobody_in(tmp_path: Path, content: str) -> None:
    file = tmp_path / "keys.json"
    key = create_key(file, "desk", ["read"])
    keys = Keys(file)
    file.write_text(content)
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"keys\.json"):
            keys.find(key)
    file.unlink()
    with pytest.raises(ConfigError, match="there is no file"):
        keys.find(key)


def test_without_keys_only_loopback_may_be_listened_on(tmp_path: Path) -> None:
    for host in ("127.0.0.1", "localhost", "::1"):
        assert api_keys(ApiSettings(host=host)) is None
    with pytest.raises(ConfigError, match=r"api\.host: 0\.0\.0\.0 .* set api\.keys_file"):
        api_keys(ApiSettings(host="0.0.0.0"))
    create_key(tmp_path / "keys.json", "desk", ["read"])
    assert api_keys(ApiSettings(host="0.0.0.0", keys_file=tmp_path / "keys.json")) is not None
    with pytest.raises(ConfigError, match="tidings api keys create"):
        api_keys(ApiSettings(keys_file=tmp_path / "nothing.json"))


@pytest.mark.parametrize(
    "origin", ["*", "null", "desk.example.com", "https://desk.example.com/", "ftp://desk"]
)
def test_an_origin_that_cannot_be_is_refused(origin: str) -> None:
    with pytest.raises(ConfigError, match=r"api\.allowed_origins"):
        api_keys(ApiSettings(allowed_origins=(origin,)))


def test_the_command_line_shows_a_key_once(tmp_path: Path) -> None:
    config = tmp_path / "tidings.toml"
    config.write_text(f'[api]\nkeys_file = "{tmp_path / "keys.json"}"\n')
    run = lambda *arguments: CliRunner().invoke(cli.app, ["api", "keys", *arguments, "--config", str(config)])  # noqa: E731
    made = json.loads(run("create", "feed", "--scopes", "ingest, read", "--json").stdout)
    assert Keys(tmp_path / "keys.json").find(made["key"]) is not None
    assert run("create", "desk").stdout.startswith("tidings_")
    listed = run("list", "--json").stdout
    assert [(row["name"], row["scopes"]) for row in json.loads(listed)] == [
        ("feed", ["ingest", "read"]),
        ("desk", ["read"]),
    ]
    assert made["key"] not in listed
    assert "feed" in run("list").stdout
    assert run("revoke", "feed").exit_code == 0
    assert isinstance(run("revoke", "feed").exception, TidingsError)
    config.write_text("")
    assert "keys_file is not set" in str(run("list").exception)


@given(st.integers(1, 600), st.lists(st.floats(0, 30), min_size=1, max_size=200))
def test_a_key_never_gets_more_than_its_minute_and_its_pace(per_minute: int, pauses: list[float]) -> None:
    limit, now, passed = RateLimit(per_minute), 0.0, 0
    for pause in pauses:
        now += pause
        told = limit.take("desk", now)
        passed += told.allowed
        assert passed <= per_minute + now * per_minute / 60 + 1e-6
        assert told.remaining >= 0
        if not told.allowed:
            assert told.next_seconds >= 1
            now += told.next_seconds  # whoever waits as told passes
            assert limit.take("desk", now).allowed
            passed += 1
    assert limit.take("somebody else", now).remaining == per_minute - 1


_TIMES = st.integers(0, 7_258_118_400_000 - 1).map(
    lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)


@given(_TIMES, st.text(), st.none() | _TIMES, st.none() | _TIMES)
def test_a_cursor_comes_back_as_it_was(
    at: datetime, key: str, start: datetime | None, end: datetime | None
) -> None:
    cursor = Cursor(at, key, start, end)
    filters = {"topic": "Macro", "key": ["b", "a"]}
    written = write_cursor(cursor, filters)
    assert written.replace("-", "").replace("_", "").isalnum()
    assert read_cursor(written, filters) == cursor
    with pytest.raises(ValueError, match="other filters"):
        read_cursor(written, filters | {"topic": "IPO"})


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")))
def test_what_is_no_cursor_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="next_cursor"):
        read_cursor(text, {})


def test_a_cursor_beyond_all_times_is_refused() -> None:
    good = write_cursor(Cursor(datetime(2026, 1, 1, tzinfo=UTC), "k", None, None), {})
    parts = json.loads(base64.urlsafe_b64decode(good + "=="))
    for wrong in (-1, 10**18, 1.5, "x", None):
        text = json.dumps([wrong, *parts[1:]]).encode()
        with pytest.raises(ValueError, match="next_cursor"):
            read_cursor(base64.urlsafe_b64encode(text).decode().rstrip("="), {})
