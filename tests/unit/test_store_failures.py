"""What ClickHouse's error codes mean: try again, refuse the rows, or mend the settings."""

import pytest

from store.failures import PASSING, ROWS, SETTINGS, code_of, failure, first_line
from tidings.errors import ConfigError, Refused, TidingsError, Unavailable


@pytest.mark.parametrize("code", PASSING)
@pytest.mark.parametrize("doing", ["insert", "statement"])
def test_what_passes_is_tried_again(code: int, doing: str) -> None:
    error = failure(code, "DB::Exception: told", "insert" if doing == "insert" else "statement")
    assert type(error) is Unavailable
    assert PASSING[code][1] in str(error)
    assert "told" in str(error)


@pytest.mark.parametrize("code", ROWS)
def test_what_is_wrong_with_rows_refuses_them_and_only_them(code: int) -> None:
    assert type(failure(code, "bad value", "insert")) is Refused
    assert type(failure(code, "bad value", "statement")) is TidingsError


@pytest.mark.parametrize("code", SETTINGS)
def test_what_is_wrong_with_settings_names_the_fix(code: int) -> None:
    error = failure(code, "no", "insert")
    assert type(error) is ConfigError
    assert str(error).endswith(SETTINGS[code][1])


def test_anything_else_ends_the_run_with_what_was_said() -> None:
    assert type(failure(62, "Syntax error", "insert")) is TidingsError
    assert type(failure(None, "what?", "insert")) is TidingsError


def test_no_code_means_two_things() -> None:
    assert not PASSING.keys() & ROWS.keys()
    assert not (PASSING.keys() | ROWS.keys()) & SETTINGS.keys()


@pytest.mark.parametrize(
    "text",
    [
        "Code: 76. DB::ErrnoException: Cannot open file x: , errno: 28, strerror: No space left on device",
        "std::exception. Code: 1001, e.what() = filesystem error: No space left on device",
    ],
)
def test_a_full_disk_is_known_by_its_text(text: str) -> None:
    error = failure(code_of(text), text, "insert")
    assert type(error) is Unavailable
    assert "disk is full: free disk space" in str(error)


def test_a_batch_over_too_many_months_is_split_though_its_code_says_too_many_parts() -> None:
    text = "Code: 252. DB::Exception: Too many partitions for single INSERT block (more than 100)."
    assert type(failure(252, text, "insert")) is Refused
    assert (
        type(failure(252, "Too many parts (3000). Merges are slower than inserts", "insert")) is Unavailable
    )


def test_codes_and_first_lines_are_found() -> None:
    assert code_of("Code: 279. DB::NetException: All connection tries failed.\nCode: 210. x") == 279
    assert code_of("no code") is None
    assert first_line(" a\nb Stack trace") == "a"
    assert len(first_line("x" * 1000)) == 400
