ALTER TABLE consumed_rows ADD COLUMN IF NOT EXISTS published_at DateTime('UTC') DEFAULT recorded_at CODEC(Delta, ZSTD) AFTER recorded_at;

CREATE TABLE IF NOT EXISTS item_retention
(
    kind LowCardinality(String),
    keep_days UInt32,
    dropped_before DateTime('UTC'),
    version UInt64 DEFAULT toUnixTimestamp64Nano(now64(9))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY kind
COMMENT 'One row: for how many days items are kept (0: for ever), and before which time some may be gone by an earlier such setting';

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
        c.published_at < (
            SELECT max(if(keep_days = 0, dropped_before, greatest(dropped_before, now() - toIntervalDay(keep_days))))
            FROM item_retention FINAL
        ), 'expired',
        'unexplained'
    ) AS outcome,
    c.reason AS reason,
    c.item AS item,
    c.recorded_at AS recorded_at,
    c.published_at AS published_at
FROM (
    SELECT
        reinterpretAsUInt64(substring(SHA256(item_id), 1, 8)) AS item,
        kafka_topic, kafka_partition, kafka_offset, true AS live
    FROM items
) AS i
RIGHT ANY JOIN (
    SELECT kafka_topic, kafka_partition, kafka_offset, item, reason, recorded_at, published_at
    FROM consumed_rows FINAL
) AS c ON c.item = i.item
COMMENT 'One row per Kafka offset that was read, and what became of it: stored, duplicate (its item is stored under another offset), dead letter, erased, expired (dropped by age), or unexplained (lost)';

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
    countIf(outcome = 'expired') AS expired,
    countIf(outcome = 'unexplained') AS unexplained,
    max(kafka_offset) - min(kafka_offset) + 1 - count() AS gaps
FROM consumed
GROUP BY kafka_topic, kafka_partition
COMMENT 'Per Kafka topic and partition: consumed = stored + duplicates + dead letters + erased + expired + unexplained; unexplained must be 0; gaps are offsets between the first and the last that were never read';

CREATE OR REPLACE VIEW dead_letters AS
SELECT kafka_topic, kafka_partition, kafka_offset, reason, recorded_at
FROM consumed_rows FINAL
WHERE reason != ''
COMMENT 'One row per dead letter: the Kafka offset of a message that could not become an item, why, and when it was read';

CREATE TABLE IF NOT EXISTS notification_log
(
    notification_id String,
    receiver LowCardinality(String),
    group_key String,
    reason LowCardinality(String),
    alert_ids Array(String),
    alert_states Array(LowCardinality(String)),
    created_at DateTime64(3, 'UTC'),
    state LowCardinality(String),
    attempts UInt32,
    next_attempt_at Nullable(DateTime64(3, 'UTC')),
    sent_at Nullable(DateTime64(3, 'UTC')),
    error String,
    version UInt64 DEFAULT toUnixTimestamp64Nano(now64(9)),
    INDEX alerts alert_ids TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX states state TYPE set(8) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (created_at, notification_id)
SETTINGS index_granularity = 256
COMMENT 'Every version of every notification, by when it was made; read it through the view notifications';

INSERT INTO notification_log
(
    notification_id, receiver, group_key, reason, alert_ids, alert_states, created_at, state, attempts, next_attempt_at,
    sent_at, error, version
)
SELECT
    notification_id, receiver, group_key, reason, alert_ids, alert_states, created_at, state, attempts, next_attempt_at,
    sent_at, error, version
FROM notification_rows;

CREATE OR REPLACE VIEW notifications AS
SELECT
    notification_id, receiver, group_key, reason, state, attempts, created_at, sent_at, next_attempt_at, error,
    alert_ids, alert_states
FROM notification_log FINAL
COMMENT 'One row per message to a receiver: why (reason firing, changed, repeat, resolved, digest), about which alerts, and what became of it (state waiting, sent, failed, dropped; error)';

DROP TABLE IF EXISTS notification_rows;

CREATE OR REPLACE VIEW evidence AS
SELECT
    r.alert_id AS alert_id, r.rule AS rule, r.scope AS scope, r.key AS key, r.state AS state,
    r.started_at AS started_at, r.fired_at AS fired_at,
    story.item_id AS item_id,
    parseDateTime64BestEffortOrNull(story.published_at, 3, 'UTC') AS published_at,
    story.title AS headline,
    story.source AS source,
    story.sentiment AS sentiment,
    story.reach AS reach,
    story.words.word AS words,
    story.url AS url
FROM
(
    SELECT
        alert_id, rule, scope, key, state, started_at, fired_at,
        JSONExtract(
            evidence,
            'Array(Tuple(item_id String, published_at String, title String, source String, sentiment Float64, reach UInt32, words Array(Tuple(word String)), url String))'
        ) AS stories
    FROM alert_rows FINAL
) AS r
ARRAY JOIN r.stories AS story
COMMENT 'One row per alert and story that it shows as evidence: the headline, its source, reach and sentiment, and the words that moved its score';

-- Who may read a view needs no right to the tables beneath. Not on a cluster: there each shard asks for the rights of
-- whoever asks, whatever the view says.
ALTER TABLE items MODIFY DEFINER = CURRENT_USER SQL SECURITY DEFINER;

ALTER TABLE stories MODIFY DEFINER = CURRENT_USER SQL SECURITY DEFINER;

ALTER TABLE sentiment_1m MODIFY DEFINER = CURRENT_USER SQL SECURITY DEFINER;

ALTER TABLE sentiment_5m MODIFY DEFINER = CURRENT_USER SQL SECURITY DEFINER;

ALTER TABLE sentiment_1h MODIFY DEFINER = CURRENT_USER SQL SECURITY DEFINER;

ALTER TABLE sentiment_1d MODIFY DEFINER = CURRENT_USER SQL SECURITY DEFINER;

ALTER TABLE sentiment_1m_by_key MODIFY DEFINER = CURRENT_USER SQL SECURITY DEFINER;

ALTER TABLE sentiment_5m_by_key MODIFY DEFINER = CURRENT_USER SQL SECURITY DEFINER;

ALTER TABLE sentiment_1h_by_key MODIFY DEFINER = CURRENT_USER SQL SECURITY DEFINER;

ALTER TABLE sentiment_1d_by_key MODIFY DEFINER = CURRENT_USER SQL SECURITY DEFINER;

ALTER TABLE top_negative MODIFY DEFINER = CURRENT_USER SQL SECURITY DEFINER;

ALTER TABLE co_mentions MODIFY DEFINER = CURRENT_USER SQL SECURITY DEFINER;

ALTER TABLE sources MODIFY DEFINER = CURRENT_USER SQL SECURITY DEFINER;

ALTER TABLE alerts MODIFY DEFINER = CURRENT_USER SQL SECURITY DEFINER;

ALTER TABLE evidence MODIFY DEFINER = CURRENT_USER SQL SECURITY DEFINER;

ALTER TABLE notifications MODIFY DEFINER = CURRENT_USER SQL SECURITY DEFINER;

ALTER TABLE silences MODIFY DEFINER = CURRENT_USER SQL SECURITY DEFINER;

ALTER TABLE consumed MODIFY DEFINER = CURRENT_USER SQL SECURITY DEFINER;

ALTER TABLE audit MODIFY DEFINER = CURRENT_USER SQL SECURITY DEFINER;

ALTER TABLE dead_letters MODIFY DEFINER = CURRENT_USER SQL SECURITY DEFINER
