"""docs/api.md and the page /v1/docs: their examples are run as they stand, and they name every route and error."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.contract.api_desk import ALERT_ID, Desk, api_desk
from tests.e2e.page_service import browsing
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


def test_the_answer_shown_is_real(desk: Desk) -> None:
    ((_, code),) = [(language, code) for language, code in EXAMPLES if "/v1/score" in code]
    (shown,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    asked = json.loads(re.findall(r"-d '(.*)'", code)[0])
    answer = desk.ask("POST", "/v1/score", json=asked).json()
    (score,), (told,) = answer["scores"], json.loads(shown)["scores"]
    assert answer["model_version"] == json.loads(shown)["model_version"]
    assert score.keys() == told.keys()
    for name, value in told.items():  # figures differ a little between processors
        assert score[name] == (pytest.approx(value, abs=0.02) if isinstance(value, float) else value), name


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


@pytest.fixture(scope="module")
def page(desk: Desk) -> requests.Response:
    return requests.get(f"{desk.url}/v1/docs", timeout=30)


def test_the_page_needs_no_key_and_loads_nothing_else(page: requests.Response) -> None:
    assert page.status_code == 200
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert re.findall(r"<script|<img|<link|<iframe|\ssrc=|url\(|@import", page.text) == []


def test_the_page_tells_every_operation_field_and_scope(desk: Desk, page: requests.Response) -> None:
    document = requests.get(f"{desk.url}/v1/openapi.json", timeout=30).json()
    articles = re.findall(r"<article.*?</article>", page.text, re.DOTALL)
    operations = [(path, method) for path, methods in document["paths"].items() for method in methods]
    assert len(articles) == len(operations) == page.text.count('<li><a href="#')
    for path, method in operations:
        operation = document["paths"][path][method]
        (article,) = [text for text in articles if f"<code>{method.upper()} {path}</code>" in text]
        for scopes in [names for way in operation.get("security", []) for names in way.values()]:
            assert f"Scope <code>{scopes[0]}</code>" in article
        for parameter in operation.get("parameters", []):
            assert f"<code>{parameter['name']}</code>" in article
        for status in operation["responses"]:
            assert f"<code>{status}</code>" in article
    (score,) = [text for text in articles if "<code>POST /v1/score</code>" in text]
    assert "<code>scores[].explanation[].weight</code>" in score
    assert "list (at most 256) of string (at most 100,000 characters)" in score


def test_the_examples_of_the_page_work(desk: Desk, page: requests.Response) -> None:
    silence = desk.ask(
        "POST", "/v1/silences", json={"matchers": {"key": "x"}, "reason": "r", "duration_seconds": 9}
    )
    environment = os.environ | {
        "KEY": desk.key,
        "ALERT_ID": ALERT_ID,
        "SILENCE_ID": silence.json()["silence_id"],
    }
    examples = [unescape(code) for code in re.findall(r"<pre[^>]*><code>(.*?)</code>", page.text, re.DOTALL)]
    assert len(examples) > 10
    program = "\n".join(example.replace("curl ", "curl -sS --fail-with-body ", 1) for example in examples)
    done = subprocess.run(["sh", "-ec", program], capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_the_page_and_a_phone_scrolls_one_way_only(desk: Desk, theme: Any) -> None:
    axe = (Path(__file__).parents[1] / "e2e/vendor/axe.min.js").read_text(encoding="utf-8")
    with browsing() as browser:
        shown = browser.new_page(color_scheme=theme, viewport={"width": 360, "height": 740})
        wrong: list[str] = []
        shown.on("console", lambda message: wrong.append(message.text))
        shown.goto(f"{desk.url}/v1/docs")
        assert shown.evaluate("document.documentElement.scrollWidth") == 360
        for details in shown.locator("summary").all():
            details.click()
        shown.evaluate(axe)
        found = shown.evaluate("axe.run()")
    assert [
        (rule["id"], [node["html"][:200] for node in rule["nodes"][:3]]) for rule in found["violations"]
    ] == []
    assert wrong == []
