"""What became of every Kafka offset, over both backends."""

import json
from collections import Counter
from dataclasses import asdict, replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import audit
from store.audit import SUMS, PartitionAudit
from store.store import Store, open_store
from tests.items import T0, scored
from tidings.settings import StoreSettings
from tidings.types import Consumed, ScoredItem

TOPIC = "news.raw"


def at(offset: int, item: ScoredItem, partition: int = 0, topic: str = TOPIC) -> ScoredItem:
    return replace(item, kafka_topic=topic, kafka_partition=partition, kafka_offset=offset)


def consumed(*items: ScoredItem) -> list[Consumed]:
    return [
        Consumed(
            one.kafka_topic,
            one.kafka_partition,
            one.kafka_offset,
            one.item.item_id,
            published_at=one.item.published_at,
        )
        for one in items
    ]


def deliver(store: Store, *items: ScoredItem) -> None:
    """As the pipeline does it: inserted, then recorded."""
    store.insert(items)
    store.record(consumed(*items))


def sums(row: PartitionAudit) -> dict[str, int]:
    """The sums that are not 0."""
    return {name: value for name in SUMS if (value := getattr(row, name))}


def views(store: Store) -> list[PartitionAudit]:
    lines = store.sql("SELECT * FROM audit ORDER BY kafka_topic, kafka_partition", "JSONEachRow").splitlines()
    rows = [list(json.loads(line).values()) for line in lines]
    return [PartitionAudit(topic, *map(int, numbers)) for topic, *numbers in rows]


def test_every_offset_has_one_outcome(store: Store) -> None:
    assert store.audit() == []
    first, second, erased = at(0, scored("a")), at(1, scored("b")), at(2, scored("c", title="to be erased"))
    deliver(store, first, second, erased)
    store.record(
        [
            Consumed(TOPIC, 0, 3, reason="it's \\ not\tJSON"),
            Consumed(TOPIC, 0, 4, "a"),  # published twice: the row kept is the one of offset 0
            Consumed(TOPIC, 0, 6, "never-stored"),
            Consumed(TOPIC, 7, 18_446_744_073_709_551_615, "b"),
        ]
    )
    store.erase("title = 'to be erased'")
    whole, other = store.audit()
    assert (whole.first_offset, whole.last_offset) == (0, 6)
    assert sums(whole) == {
        "consumed": 6, "stored": 2, "duplicates": 1, "dead_letters": 1, "erased": 1, "unexplained": 1, "gaps": 1,
    }  # fmt: skip
    assert asdict(other) == {
        "kafka_topic": TOPIC, "kafka_partition": 7, "first_offset": 2**64 - 1, "last_offset": 2**64 - 1,
        "consumed": 1, "stored": 0, "duplicates": 1, "dead_letters": 0, "erased": 0, "expired": 0,
        "unexplained": 0, "gaps": 0,
    }  # fmt: skip
    assert views(store) == [whole, other]
    lost = store.sql("SELECT kafka_offset, reason FROM consumed WHERE outcome = 'unexplained'", "TSV")
    assert lost.split() == ["6"]


def test_redelivery_changes_nothing(store: Store) -> None:
    items = [at(offset, scored(f"i{offset}", offset)) for offset in range(9)]
    deliver(store, *items)
    before = store.audit()
    for _ in range(2):
        deliver(store, *items)
        deliver(store, *items[3:6])
    assert store.audit() == before
    assert [sums(row) for row in before] == [{"consumed": 9, "stored": 9}]


def test_an_item_that_moves_or_is_published_again_is_stored_once(store: Store) -> None:
    deliver(store, at(0, scored("a", 5)))
    deliver(store, at(0, scored("a", 5 + 40 * 24 * 60, p_negative=0.1)))
    assert [sums(row) for row in store.audit()] == [{"consumed": 1, "stored": 1}], (
        "another month, same offset"
    )
    deliver(store, at(4, scored("a", 6)))
    assert [sums(row) for row in store.audit()] == [{"consumed": 2, "stored": 1, "duplicates": 1, "gaps": 3}]


def test_what_came_without_kafka_has_no_offset(store: Store) -> None:
    by_hand = at(0, scored("a"), topic="")
    deliver(store, by_hand)
    assert store.audit() == []
    store.record([Consumed(TOPIC, 0, 0, "a")])
    assert [sums(row) for row in store.audit()] == [{"consumed": 1, "duplicates": 1}]


def test_a_period_is_the_offsets_between_the_first_and_last_recorded_in_it(store: Store) -> None:
    day = timedelta(days=1)
    items = [at(offset, scored(f"i{offset}")) for offset in range(10)]
    store.insert(items)
    columns = "kafka_topic, kafka_partition, kafka_offset, item, reason, recorded_at"
    hashed = "reinterpretAsUInt64(substring(SHA256(item_id), 1, 8))"
    store._client.execute(
        f"INSERT INTO consumed_rows ({columns}) SELECT kafka_topic, kafka_partition, kafka_offset, {hashed}, '',"
        " toDateTime('2026-03-02 09:00:00', 'UTC') + toUInt32(kafka_offset) * 86400 FROM items"
    )
    (row,) = store.audit(T0 + 2 * day, T0 + 5 * day)
    assert (row.first_offset, row.last_offset, sums(row)) == (2, 4, {"consumed": 3, "stored": 3})
    store.record(consumed(items[3]))  # again, much later: still read once, and no gap
    assert store.audit(T0 + 2 * day, T0 + 5 * day) == [row]
    assert [one.last_offset for one in store.audit(end=T0 + day)] == [0]
    assert store.audit(T0 - day, T0) == []


def test_a_share_at_a_time_says_the_same_and_how_far_it_is(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [at(offset, scored(f"i{offset}", offset), offset % 3) for offset in range(40)]
    deliver(store, *items[:35])
    store.record(
        [*consumed(*items[35:]), Consumed(TOPIC, 1, 99, reason="no_text"), Consumed(TOPIC, 2, 98, "i7")]
    )
    done: list[float] = []
    whole = store.audit(progress=done.append)
    assert done == [1.0]
    monkeypatch.setattr(audit, "AT_ONCE", 10)
    assert store.audit(progress=done.append) == whole
    assert done[1:] == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert sum(one.unexplained for one in whole) == 5


def test_status_sums_up_the_last_day(store: Store) -> None:
    deliver(store, *(at(offset, scored(f"i{offset}", offset)) for offset in range(4)))
    store.record([Consumed("social.raw", 1, 8, reason="no_text"), Consumed("social.raw", 1, 9, "nowhere")])
    status = store.status()
    assert (status.offsets_consumed, status.offsets_stored, status.offsets_dead_letters) == (6, 4, 1)
    assert (status.offsets_unexplained, status.offsets_duplicates, status.offsets_erased) == (1, 0, 0)
    assert (status.items, status.stories, status.minutes) == (4, 4, 4), "counted although nothing is rolled"
    assert (status.dirty_minutes, status.oldest_dirty) == (4, T0)
    store.roll()
    after = store.status()
    assert (after.items, after.stories, after.minutes, after.dirty_minutes) == (4, 4, 4, 0)
    assert after.oldest_dirty is None


# What is read at an offset: an item (its number; -1 is never stored), or a dead letter.
READ = st.one_of(st.integers(-1, 5), st.just("dead"))


@given(st.lists(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 8), READ), max_size=6), max_size=4))
@settings(max_examples=15)
def test_the_audit_is_what_plain_python_counts(
    store_settings: StoreSettings, batches: list[list[tuple[int, int, int | str]]]
) -> None:
    store = open_store(store_settings)
    try:
        for table in ("item_versions", "story_items", "item_minutes", "dirty_minutes", "consumed_rows"):
            store._client.execute(f"TRUNCATE TABLE {table}")
        outcome: dict[tuple[int, int], int | str] = {}
        place: dict[int, tuple[int, int]] = {}
        for batch in batches:
            latest = {(partition, offset): read for partition, offset, read in batch}
            items = [
                at(offset, scored(f"i{read}"), partition)
                for (partition, offset), read in latest.items()
                if isinstance(read, int) and read >= 0
            ]
            store.insert(items)
            store.record(
                [
                    Consumed(TOPIC, partition, offset, reason="dead")
                    if read == "dead"
                    else Consumed(TOPIC, partition, offset, f"i{read}")
                    for (partition, offset), read in latest.items()
                ]
            )
            # recorded_at is whole seconds: within one, the later batch counts, as with any later second.
            outcome |= latest
            place |= {int(one.item.item_id[1:]): (one.kafka_partition, one.kafka_offset) for one in items}
        wanted = []
        for partition in sorted({where[0] for where in outcome}):
            offsets = [where[1] for where in outcome if where[0] == partition]
            found = Counter(
                "dead_letters" if read == "dead"
                else "unexplained" if read == -1
                else "stored" if place[int(read)] == where
                else "duplicates"
                for where, read in outcome.items()
                if where[0] == partition
            )  # fmt: skip
            wanted.append(
                PartitionAudit(
                    TOPIC, partition, min(offsets), max(offsets), len(offsets), found["stored"], found["duplicates"],
                    found["dead_letters"], 0, 0, found["unexplained"], max(offsets) - min(offsets) + 1 - len(offsets),
                )
            )  # fmt: skip
        assert store.audit() == wanted == views(store)
        assert store.audit(T0 - timedelta(days=365 * 30)) == wanted
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(audit, "AT_ONCE", 3)
            assert store.audit() == wanted, "in several shares"
    finally:
        store.close()
