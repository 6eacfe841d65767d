"""The documents name what there is."""

import re
from pathlib import Path

import pytest

from ingest.message import REASONS
from tests.unit.test_cli import COMMANDS

ROOT = Path(__file__).parents[2]
DOCS = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command: str) -> None:
    group, _, name = command.partition(" ")
    row = next(
        line
        for line in (ROOT / "README.md").read_text().splitlines()
        if line.startswith(f"| `tidings {group}")
    )
    assert name in row


@pytest.mark.parametrize("reason", REASONS)
def test_every_dead_letter_reason_is_explained(reason: str) -> None:
    assert f"`{reason}`" in (ROOT / "docs" / "input.md").read_text()


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.name))
def test_links_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        assert link.startswith("https://") or (path.parent / link).exists(), link


def test_make_help_names_the_targets_of_the_readme() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:`|    )make ([a-z0-9-]+)", (ROOT / "README.md").read_text()):
        assert re.search(rf"^{target}:.*##", makefile, re.MULTILINE), target
