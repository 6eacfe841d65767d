"""The live page's texts: the same in both languages, and nowhere else."""

import re
import string
from pathlib import Path

import pytest

from dashboards.page.language import CATALOGUE, LANGUAGES, texts

TEMPLATES = sorted((CATALOGUE.parent / "templates").glob("*.html"))


def test_every_text_is_there_in_each_language_and_fills_in_the_same() -> None:
    def fields(text: str) -> set[str | None]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}

    for key, said in texts().items():
        assert set(said) == set(LANGUAGES), key
        assert all(said.values()), key
        assert len({frozenset(fields(text)) for text in said.values()}) == 1, key


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_say_nothing_by_themselves(path: Path) -> None:
    source = re.sub(
        r"{#.*?#}|{%.*?%}|{{.*?}}|<kbd>.*?</kbd>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL
    )
    outside = re.sub(r"<[^>]*>", " ", source)
    assert re.findall(r"[^\W\d_]{2,}", outside.replace("Tidings", "")) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_live_parts_stand_in_the_element_that_their_events_replace(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    for name in re.findall(r"{% block live_(\w+) %}", source):
        assert re.search(rf'data-live="{name}">\s*{{% block live_{name} %}}', source), name
