"""The API against its own OpenAPI document: schemathesis asks everything in every way, and all its checks pass."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.api_desk import Desk, api_desk
from tidings.settings import KafkaSettings

SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))


@pytest.fixture(scope="module")
def desk(bootstrap_servers: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    kafka = KafkaSettings(bootstrap_servers=bootstrap_servers, topics=("news.schema", "social.schema"))
    with api_desk(tmp_path_factory.mktemp("api"), kafka) as found:
        yield found


def test_schemathesis_finds_nothing(desk: Desk, tmp_path: Path) -> None:
    # As a program: it has phases (examples, coverage, fuzzing, chains of requests) that its pytest plugin lacks.
    done = subprocess.run(
        [
            SCHEMATHESIS, "run", f"{desk.url}/v1/openapi.json", "--header", f"Authorization: Bearer {desk.key}",
            "--seed", "6", "--max-examples", "20", "--checks", "all", "--no-color", "--workers", "1",
        ],
        capture_output=True, text=True, timeout=300, cwd=tmp_path, check=False,
    )  # fmt: skip
    found = done.stdout[done.stdout.find("= FAILURES =") :] if "= FAILURES =" in done.stdout else done.stdout
    assert done.returncode == 0, "\n".join(line[:600] for line in found.splitlines()) + done.stderr[-2_000:]
    assert "Tested: 14" in done.stdout, "every operation was asked"
