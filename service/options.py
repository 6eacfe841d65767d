"""Options that every command shares, and how a failure ends the process."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from alerts.durations import parse_duration
from tidings.errors import ConfigError, TidingsError

T = TypeVar("T")

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", envvar="TIDINGS_CONFIG", help="Settings file (TOML). TIDINGS_… variables override it."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
DataOption = Annotated[
    Path | None, typer.Option("--data", envvar="TIDINGS_DATA", help="Folder with the labelled texts.")
]
AuthorOption = Annotated[
    str, typer.Option(envvar="USER", help="Who says so: a name that others know.", show_envvar=True)
]


def parse_for(text: str, option: str) -> int:
    """Seconds of a duration on the command line, such as 90m or 2h; `option` is named in the error."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ConfigError(f"{option} {error}") from None


def one_by_id(known: Mapping[str, T], start: str, words: tuple[str, str], listing: str) -> T:
    """The one whose id starts so; TidingsError, in `words` for one and for several, says which command lists them."""
    found = [one for key, one in known.items() if key.startswith(start)]
    if len(found) != 1:
        what = f"no {words[0]} has" if not found else f"{len(found)} {words[1]} have"
        raise TidingsError(f"{what} an id that starts with {start!r}: see `{listing}`")
    return found[0]


def model_folder(name: str) -> Path | None:
    """A folder, or None for the word `shipped`."""
    return None if name == "shipped" else Path(name)


def parse_time(text: str, option: str) -> datetime:
    """A time of the command line, in UTC unless it says otherwise; `option` is named in the error."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{option} must be a date or time such as 2008-01-31 or 2008-01-31T09:00:00Z"
        ) from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
