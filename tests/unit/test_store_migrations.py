"""Schema files: numbered without gaps or doubles, never changed once released."""

import hashlib
from pathlib import Path

import pytest

from store.migrate import SCHEMA, preview, read_migrations
from tidings.errors import ConfigError

RELEASED = {
    "001_tables": "04587494393aad0ce5ad70c883854988d2547985beb531c11c89c1f96fa46905",
    "002_views": "54c59545a49d5f5c1c42a2bbb7494734abc0e8ae9b1329b95eab924e198bd328",
    "003_flag": "416a03c2dafc16f8fd5de506c8cd33fb313e0cdb24d8c976d0a9e2aad7206c69",
    "004_by_minute": "9ae9639a4354515b0479a89a8154424382f6429959343dc9c26fc9f1aa68bbf2",
    "005_consumed": "f755ffdece794c9da21d8dad51dfd5aaec819c36fbf026228c187a572887cfdd",
    "006_by_key": "fb40457aa65b57b9b4d5d9622a5ff5b30695cabeb1233531450f37ab307381cb",
    "007_notifications": "14bc769c3a13ee1611ddc5e07b096fd4dcf2f86b174f0c3954436f48f10ca88f",
    "008_analysts": "d577496e28cbcc1471579890e0bcbc88e05c0dbcf675ac1b619fc49ac9406dfd",
}


def test_files_come_in_order_and_are_split_into_statements(tmp_path: Path) -> None:
    (tmp_path / "002_b.sql").write_text("SELECT ';';\n\nSELECT 2;\n")
    (tmp_path / "001_a.sql").write_text("SELECT 1\n")
    first, second = read_migrations(tmp_path)
    assert (first.number, first.name, first.statements) == (1, "001_a", ("SELECT 1",))
    assert second.statements == ("SELECT ';'", "SELECT 2")
    assert first.checksum == hashlib.sha256(b"SELECT 1\n").hexdigest()


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["002_b"], "002_b.sql stands where number 001 belongs"),
        (["001_a", "003_c"], "003_c.sql stands where number 002 belongs"),
        (["001_a", "001_b"], "001_b.sql stands where number 002 belongs"),
        (["001_a", "new"], "new.sql: a schema file is named NNN_name.sql"),
    ],
)
def test_gaps_doubles_and_odd_names_are_found(tmp_path: Path, names: list[str], words: str) -> None:
    for name in names:
        (tmp_path / f"{name}.sql").write_text("SELECT 1")
    with pytest.raises(ConfigError, match=words):
        read_migrations(tmp_path)


def test_released_files_are_as_they_were() -> None:
    """Stores refuse a changed file: changes belong in a new one."""
    found = {migration.name: migration.checksum for migration in read_migrations()}
    assert {name: found[name] for name in RELEASED} == RELEASED


def test_the_preview_shows_every_statement_and_the_clusters_form() -> None:
    text = preview(read_migrations(), "", "tidings")
    assert all(f"-- {path.stem}" in text for path in SCHEMA.glob("*.sql"))
    assert "ON CLUSTER" not in text
    assert "ENGINE = Distributed('c', 'tidings', alert_rows_local" in preview(
        read_migrations(), "c", "tidings"
    )
