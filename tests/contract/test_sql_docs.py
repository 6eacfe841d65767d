"""docs/sql.md: every query runs over a filled store, and the output that the page shows is what comes back.

`python -m tests.contract.test_sql_docs --write` puts the real outputs into the page.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.sql_http import serving_sql
from store.store import Store
from tests.contract.sql_desk import fill
from tidings.settings import SqlSettings, StoreSettings

PAGE = Path(__file__).parents[2] / "docs" / "sql.md"
# A heading, then (after some words) its query and the output shown.
_QUESTION = re.compile(
    r"^### (?P<title>\d+\. [^\n]+)\n(?:(?!^#).)*?^```sql\n(?P<query>.*?)^```\n\n```text\n(?P<output>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


# A program that asks over HTTP, and what it prints.
_EXAMPLE = re.compile(
    r"^```(?P<language>sh|python)\n(?P<code>(?:(?!^```).)*?)^```\n\n```text\n(?P<output>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


def questions(page: str) -> list[re.Match[str]]:
    return list(_QUESTION.finditer(page))


def answer(store: Store, query: str) -> str:
    """As `tidings sql` prints it."""
    return store.sql(query).rstrip("\n") + "\n"


def printed(language: str, code: str, folder: Path) -> str:
    """By a program that asks the store in `folder` over HTTP."""
    with serving_sql(SqlSettings(port=0), StoreSettings(folder=folder)) as port:
        program = ["sh", "-ec", code.replace("curl ", "curl -sS --fail-with-body ")]
        if language == "python":
            program = [sys.executable, "-c", code]
        program[-1] = program[-1].replace("8123", str(port))
        done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rewritten(page: str, store: Store, folder: Path) -> str:
    """The page with the real outputs."""

    def replace(found: re.Match[str], output: str) -> None:
        nonlocal page
        page = page[: found.start("output")] + output + page[found.end("output") :]

    for found in reversed(questions(page)):
        replace(found, answer(store, found["query"]))
    for found in reversed(list(_EXAMPLE.finditer(page))):
        replace(found, printed(found["language"], found["code"], folder))
    return page


QUESTIONS = questions(PAGE.read_text(encoding="utf-8"))
EXAMPLES = list(_EXAMPLE.finditer(PAGE.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("desk") / "store"


@pytest.fixture(scope="module")
def desk(folder: Path) -> Iterator[Store]:
    store = fill(folder)
    yield store
    store.close()


def test_the_page_holds_at_least_twenty_questions() -> None:
    titles = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"### \d+\. ", line)]
    assert [found["title"] for found in QUESTIONS] == [title.removeprefix("### ") for title in titles]
    assert [int(found["title"].split(".")[0]) for found in QUESTIONS] == list(range(1, len(QUESTIONS) + 1))
    assert len(QUESTIONS) >= 20


@pytest.mark.parametrize("found", QUESTIONS, ids=lambda found: found["title"])
def test_the_output_shown_is_real(desk: Store, found: re.Match[str]) -> None:
    assert answer(desk, found["query"]) == found["output"]


@pytest.mark.parametrize("found", EXAMPLES, ids=lambda found: found["language"])
def test_the_programs_print_what_is_shown(desk: Store, folder: Path, found: re.Match[str]) -> None:
    assert printed(found["language"], found["code"], folder) == found["output"]
    assert {example["language"] for example in EXAMPLES} == {"sh", "python"}


def test_every_view_has_a_comment_and_is_named_on_the_page(desk: Store) -> None:
    views = desk.sql(
        "SELECT name, comment FROM system.tables WHERE database = currentDatabase() AND engine = 'View'",
        "TSV",
    )
    for line in views.splitlines():
        name, _, comment = line.partition("\t")
        assert comment, name
        assert f"`{name}`" in PAGE.read_text(encoding="utf-8"), name


def main() -> None:
    if sys.argv[1:] != ["--write"]:
        raise SystemExit("usage: python -m tests.contract.test_sql_docs --write")
    with tempfile.TemporaryDirectory() as folder:
        store = fill(Path(folder) / "store")
        page = rewritten(PAGE.read_text(encoding="utf-8"), store, Path(folder) / "store")
        PAGE.write_text(page, encoding="utf-8")
        store.close()


if __name__ == "__main__":
    main()
