"""docs/api.md: its examples are run as they stand, and it names every route and error."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.contract.api_desk import Desk, api_desk
from tidings.settings import KafkaSettings

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```(sh|python)\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture(scope="module")
def desk(bootstrap_servers: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    kafka = KafkaSettings(bootstrap_servers=bootstrap_servers, topics=("news.docs", "social.docs"))
    with api_desk(tmp_path_factory.mktemp("api"), kafka) as found:
        yield found


@pytest.mark.parametrize(("language", "code"), EXAMPLES)
def test_an_example_works_as_it_stands(desk: Desk, language: str, code: str) -> None:
    program = ["sh", "-ec", code] if language == "sh" else [sys.executable, "-c", code]
    program[-1] = program[-1].replace("http://127.0.0.1:8080", desk.url)
    environment = os.environ | {"KEY": desk.key}
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    if language == "python":
        assert done.stdout == "15 stories\n"


def test_there_are_examples_of_both() -> None:
    assert {language for language, _ in EXAMPLES} == {"sh", "python"}


def test_every_route_is_named(desk: Desk) -> None:
    document = requests.get(f"{desk.url}/v1/openapi.json", timeout=30).json()
    for path in document["paths"]:
        assert re.sub(r"\{\w+\}", "{id}", path) in TEXT, path
        for method, operation in document["paths"][path].items():
            assert operation["summary"], f"{method} {path}"


def test_every_code_of_an_error_is_explained() -> None:
    sources = [path.read_text() for path in (Path(__file__).parents[2] / "service").glob("api*.py")]
    codes = {code for source in sources for code in re.findall(r'Problem\(\s*\d{3}, "(\w+)"', source)}
    assert len(codes) > 8
    assert [code for code in codes - {"failed"} if f"`{code}`" not in TEXT] == []
