"""Migration 004 brings a filled store of schema 003 over, whole, wherever it is interrupted."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from store.client import Client, connect
from store.migrate import SCHEMA, migrate, read_migrations
from store.store import Store
from tests.contract.test_windows import recounted, windows_of
from tests.items import T0
from tidings.errors import TidingsError
from tidings.settings import StoreSettings

NUMBER, MONTHS = 60, 105  # more months than an insert takes at once, unless told otherwise
COLUMNS = (
    "item_id, story_id, source, kind, published_at, title, text, url, lang, tickers, entities, topic, topic_p,"
    " p_negative, p_neutral, p_positive, sentiment, sentiment_label, flag, model_version, scored_at, kafka_topic,"
    " kafka_partition, kafka_offset"
)
STATEMENTS = next(m.statements for m in read_migrations() if m.number == 4)


@pytest.fixture
def filled(store_settings: StoreSettings, tmp_path: Path) -> Iterator[Client]:
    """A store of schema 003 with items of which some were written several times, at several places."""
    client = connect(store_settings)
    older = tmp_path / "older"
    older.mkdir()
    for path in SCHEMA.glob("00[123]_*.sql"):
        (older / path.name).write_text(path.read_text())
    migrate(client, older)
    for again in range(3):
        client.execute(
            "INSERT INTO item_rows (item_id, story_id, source, published_at, title, tickers, sentiment_label, version)"
            " SELECT concat('i', toString(number)), concat('s', toString(number)), 'wire',"
            " {t0:DateTime64(3,'UTC')} + toIntervalMinute((number % 7 + {again:UInt32} * (number % 2)) * 50000),"
            " concat('title ', toString({again:UInt32})), ['X', 'Y'], 'negative', {again:UInt32} + 1"
            " FROM numbers({count:UInt32})",
            {"t0": T0, "again": again, "count": NUMBER},
        )
    client.execute(
        "INSERT INTO item_rows (item_id, story_id, source, published_at, version) SELECT concat('m', toString(number)),"
        " concat('m', toString(number)), 'old', toDateTime('2001-01-01 00:00:00', 'UTC') + toIntervalMonth(number), 1"
        " FROM numbers({months:UInt32}) SETTINGS max_partitions_per_insert_block = 0",
        {"months": MONTHS},
    )
    yield client
    client.close()


@pytest.mark.parametrize(
    ("store_settings", "interrupted"),
    [("embedded", 9), ("embedded", len(STATEMENTS)), ("server", 9)],
    indirect=["store_settings"],
)
def test_every_item_is_as_it_was(filled: Client, tmp_path: Path, interrupted: int) -> None:
    before = filled.query(f"SELECT {COLUMNS} FROM items ORDER BY item_id")
    assert len(before) == NUMBER + MONTHS
    for path in SCHEMA.glob("00[123]_*.sql"):
        (tmp_path / path.name).write_text(path.read_text())
    broken = (*STATEMENTS[:interrupted], "SELEC nonsense")
    (tmp_path / "004_by_minute.sql").write_text(";\n".join(broken))
    with pytest.raises(TidingsError, match="the store refused"):
        migrate(filled, tmp_path)
    migrate(filled)
    assert filled.query(f"SELECT {COLUMNS} FROM items ORDER BY item_id") == before
    left = "SELECT count() FROM system.tables WHERE name = 'item_rows' AND database = currentDatabase()"
    assert int(filled.query(left)[0][0]) == 0
    store = Store(filled, timedelta(seconds=300))
    store.reroll(T0, T0 + timedelta(days=500))
    assert windows_of(store) == recounted(store)
    assert store.sql("SELECT count() FROM story_items FINAL", "TSV") == f"{NUMBER + MONTHS}\n"
    assert store.sql("SELECT count() FROM item_minutes FINAL", "TSV") == f"{NUMBER + MONTHS}\n"
    assert store.sql("SELECT source, items FROM sources WHERE source = 'wire'", "TSV") == f"wire\t{NUMBER}\n"
