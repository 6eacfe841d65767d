"""Options that every command shares, and how a failure ends the process."""

from pathlib import Path
from typing import Annotated

import typer

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


def model_folder(name: str) -> Path | None:
    """A folder, or None for the word `shipped`."""
    return None if name == "shipped" else Path(name)
