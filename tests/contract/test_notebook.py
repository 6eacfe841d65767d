"""docs/notebooks/spike.ipynb: every cell runs against a served store, and the outputs committed are what comes back.

`python -m tests.contract.test_notebook --write` puts the real outputs into the notebook.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import nbclient
import nbformat
import pandas as pd
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from service.sql_http import serving_sql
from tests.contract.sql_desk import DAYS, NOW, fill
from tidings.settings import SqlSettings, StoreSettings

FILE = Path(__file__).parents[2] / "docs" / "notebooks" / "spike.ipynb"


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of the endpoint that `tidings run` has, over the store behind docs/sql.md."""
    with closing(fill(folder)), serving_sql(SqlSettings(), StoreSettings(folder=folder)) as port:
        yield f"http://default@127.0.0.1:{port}/tidings"


def executed(address: str, folder: Path, **environment: str) -> NotebookNode:
    """The notebook after a run in `folder`; CellExecutionError when a cell fails."""
    given = {name: value for name, value in os.environ.items() if not name.startswith("TIDINGS_")}
    client = nbclient.NotebookClient(
        nbformat.read(FILE, as_version=4),
        resources={"metadata": {"path": str(folder)}},
        timeout=60,
        record_timing=False,
    )
    return client.execute(env=given | {"TIDINGS_SQL": address} | environment)


def said(book: NotebookNode) -> dict[str, list[str]]:
    """Each cell's outputs as text, white space as one space; pictures are named only."""
    return {
        cell["id"]: [" ".join(_text(output).split()) for output in cell["outputs"]]
        for cell in book["cells"]
        if cell["cell_type"] == "code"
    }


def _text(output: NotebookNode) -> str:
    if output["output_type"] == "stream":
        return f"{output['name']}: {output['text']}"
    return "picture" if "image/png" in output["data"] else output["data"]["text/plain"]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("desk") / "store") as found:
        yield found


def test_the_outputs_committed_are_real(address: str, tmp_path: Path) -> None:
    committed = nbformat.read(FILE, as_version=4)
    nbformat.validate(committed)
    assert FILE.stat().st_size < 300_000
    outputs = said(executed(address, tmp_path))
    assert outputs == said(committed)
    assert outputs["plot"] == ["picture"]
    assert outputs["prices"] == ["stdout: no prices.csv: skipped"]
    assert "Northgate Bank halts withdrawals" in outputs["stories"][0]
    assert not any(text.startswith("stderr") for texts in outputs.values() for text in texts)
    # Six bad stories in the night, and the files that are kept hold what was read.
    windows = pd.read_parquet(tmp_path / "windows.parquet")
    assert windows.index.is_monotonic_increasing
    assert windows["negative_stories"].loc[NOW.strftime("%Y-%m-%d") :].sum() == 6
    assert windows["unusual"].idxmax().isoformat() == "2026-03-10T05:00:00"
    assert len(pd.read_parquet(tmp_path / "items.parquet")) == windows["items"].sum()
    assert len(pd.read_csv(tmp_path / "alerts.csv")) == 1
    assert not (tmp_path / "joined.parquet").exists()


def test_prices_are_joined_without_looking_ahead(address: str, tmp_path: Path) -> None:
    """Of another name, with an alert that is over; a price in each third hour, in the zone of New York."""
    at = [NOW - timedelta(days=DAYS) + timedelta(hours=hours, minutes=20) for hours in range(0, 24 * DAYS, 3)]
    times = pd.Series(at).dt.tz_convert("America/New_York").map(lambda time: time.isoformat())
    prices = tmp_path / "mine.csv"
    pd.DataFrame({"time": times, "open": 0, "close": range(len(at))}).to_csv(prices, index=False)
    book = executed(address, tmp_path, TIDINGS_PRICES=str(prices), TIDINGS_NAME="Selby Airlines")
    outputs = said(book)
    assert outputs["prices"][1] == outputs["plot"][0] == "picture"
    assert "2026-03-06 04:00:00 warning resolved" in outputs["alerts"][0]
    joined = pd.read_parquet(tmp_path / "joined.parquet")
    assert len(joined) > 150
    for end, close in joined["close"].items():
        assert close == max(n for n, time in enumerate(at) if time <= pd.Timestamp(end, tz="UTC"))


def test_a_name_that_nobody_spoke_of(address: str, tmp_path: Path) -> None:
    with pytest.raises(CellExecutionError, match="Nothing was said of 'Nobody'"):
        executed(address, tmp_path, TIDINGS_NAME="Nobody")


def main() -> None:
    if sys.argv[1:] != ["--write"]:
        raise SystemExit("usage: python -m tests.contract.test_notebook --write")
    with tempfile.TemporaryDirectory() as folder, served(Path(folder) / "store") as address:
        book = executed(address, Path(folder))
        book["metadata"]["language_info"] = {"name": "python"}  # without the version of this machine's
        nbformat.write(book, FILE)


if __name__ == "__main__":
    main()
