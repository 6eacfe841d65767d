CREATE TABLE IF NOT EXISTS consumed_rows
(
    kafka_topic LowCardinality(String),
    kafka_partition UInt32,
    kafka_offset UInt64 CODEC(Delta, ZSTD),
    item UInt64 CODEC(NONE),
    reason LowCardinality(String),
    recorded_at DateTime('UTC') DEFAULT now() CODEC(Delta, ZSTD)
)
ENGINE = ReplacingMergeTree(recorded_at)
PARTITION BY toYYYYMM(recorded_at)
ORDER BY (kafka_topic, kafka_partition, kafka_offset)
COMMENT 'What became of every Kafka offset: the item it was (64 bits of the SHA-256 of its item_id), or the reason of its dead letter; read it through the views consumed and audit';

CREATE OR REPLACE VIEW consumed AS
SELECT
    c.kafka_topic AS kafka_topic,
    c.kafka_partition AS kafka_partition,
    c.kafka_offset AS kafka_offset,
    multiIf(
        c.reason != '', 'dead letter',
        i.live AND i.kafka_topic = c.kafka_topic AND i.kafka_partition = c.kafka_partition
            AND i.kafka_offset = c.kafka_offset, 'stored',
        i.live, 'duplicate',
        c.item IN (SELECT reinterpretAsUInt64(unhex(substring(id_hash, 1, 16))) FROM erased_items), 'erased',
        'unexplained'
    ) AS outcome,
    c.reason AS reason,
    c.item AS item,
    c.recorded_at AS recorded_at
FROM (SELECT kafka_topic, kafka_partition, kafka_offset, item, reason, recorded_at FROM consumed_rows FINAL) AS c
LEFT ANY JOIN (
    SELECT
        reinterpretAsUInt64(substring(SHA256(item_id), 1, 8)) AS item,
        kafka_topic, kafka_partition, kafka_offset, true AS live
    FROM items
) AS i ON i.item = c.item
COMMENT 'One row per Kafka offset that was read, and what became of it: stored, duplicate (its item is stored under another offset), dead letter, erased, or unexplained (lost)';

CREATE OR REPLACE VIEW audit AS
SELECT
    kafka_topic,
    kafka_partition,
    min(kafka_offset) AS first_offset,
    max(kafka_offset) AS last_offset,
    count() AS consumed,
    countIf(outcome = 'stored') AS stored,
    countIf(outcome = 'duplicate') AS duplicates,
    countIf(outcome = 'dead letter') AS dead_letters,
    countIf(outcome = 'erased') AS erased,
    countIf(outcome = 'unexplained') AS unexplained,
    max(kafka_offset) - min(kafka_offset) + 1 - count() AS gaps
FROM consumed
GROUP BY kafka_topic, kafka_partition
COMMENT 'Per Kafka topic and partition: consumed = stored + duplicates + dead letters + erased + unexplained; unexplained must be 0; gaps are offsets between the first and the last that were never read'
