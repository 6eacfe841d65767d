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
