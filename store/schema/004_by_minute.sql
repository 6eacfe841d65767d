CREATE TABLE IF NOT EXISTS item_rows
(
    item_id String,
    story_id String,
    source LowCardinality(String),
    kind LowCardinality(String),
    published_at DateTime64(3, 'UTC'),
    title String,
    text String,
    url String,
    lang LowCardinality(String),
    tickers Array(String),
    entities Array(String),
    topic LowCardinality(String),
    topic_p Float32,
    p_negative Float32,
    p_neutral Float32,
    p_positive Float32,
    sentiment Float32,
    sentiment_label LowCardinality(String),
    flag LowCardinality(String),
    model_version LowCardinality(String),
    scored_at DateTime64(3, 'UTC'),
    kafka_topic LowCardinality(String),
    kafka_partition UInt32,
    kafka_offset UInt64,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(published_at)
ORDER BY item_id
COMMENT 'Where items were before schema 004: here only so that an interrupted migration can run again';

CREATE TABLE IF NOT EXISTS item_versions
(
    item_id String,
    story_id String,
    source LowCardinality(String),
    kind LowCardinality(String),
    published_at DateTime64(3, 'UTC'),
    minute DateTime('UTC') MATERIALIZED toStartOfMinute(published_at),
    title String,
    text String,
    url String,
    lang LowCardinality(String),
    tickers Array(String),
    entities Array(String),
    topic LowCardinality(String),
    topic_p Float32,
    p_negative Float32,
    p_neutral Float32,
    p_positive Float32,
    sentiment Float32,
    sentiment_label LowCardinality(String),
    flag LowCardinality(String) DEFAULT '',
    model_version LowCardinality(String),
    scored_at DateTime64(3, 'UTC'),
    kafka_topic LowCardinality(String),
    kafka_partition UInt32,
    kafka_offset UInt64,
    late_seconds UInt32 DEFAULT 0,
    version UInt64 DEFAULT toUnixTimestamp64Nano(now64(9)),
    is_deleted UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(minute)
ORDER BY (toStartOfMinute(published_at), story_id, item_id)
COMMENT 'Every version of every item, by minute and story; is_deleted marks a place that an item has left; read it through the view items';

CREATE TABLE IF NOT EXISTS story_items
(
    story_id String,
    item_id String,
    published_at DateTime64(3, 'UTC'),
    minute DateTime('UTC') MATERIALIZED toStartOfMinute(published_at),
    late_seconds UInt32 DEFAULT 0,
    version UInt64,
    is_deleted UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(minute)
ORDER BY (toStartOfDay(published_at), story_id, toStartOfMinute(published_at), item_id)
SETTINGS index_granularity = 256
COMMENT 'The same versions by story: which of its items is the earliest is looked up here';

CREATE TABLE IF NOT EXISTS item_minutes
(
    item_id String,
    minute DateTime('UTC'),
    story_id String
)
ENGINE = ReplacingMergeTree
ORDER BY (item_id, minute, story_id)
SETTINGS index_granularity = 256
COMMENT 'Every place (minute and story) that an item has ever had';

CREATE TABLE IF NOT EXISTS source_watermarks
(
    source LowCardinality(String),
    watermark SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    complete_until SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    worst_late_seconds SimpleAggregateFunction(max, UInt32)
)
ENGINE = AggregatingMergeTree
ORDER BY source
COMMENT 'Per source its latest publication time (watermark), that less the allowed lateness (complete_until), and the furthest that an item was behind';

CREATE TABLE IF NOT EXISTS erased_items
(
    id_hash FixedString(64),
    erased_at DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree
ORDER BY id_hash
SETTINGS index_granularity = 256
COMMENT 'SHA-256 of the item_id of items that were deleted on request: they are not stored again';

ALTER TABLE window_rows ADD COLUMN IF NOT EXISTS late_items UInt64 DEFAULT 0 AFTER negative_story_sum;

INSERT INTO item_minutes
SELECT item_id, toStartOfMinute(published_at), story_id
FROM item_rows FINAL
SETTINGS max_partitions_per_insert_block = 0;

INSERT INTO source_watermarks
SELECT source, max(published_at), max(published_at) - INTERVAL 300 SECOND, 0
FROM item_rows FINAL
GROUP BY source;

INSERT INTO story_items (story_id, item_id, published_at, version)
SELECT story_id, item_id, published_at, version
FROM item_rows FINAL
SETTINGS max_partitions_per_insert_block = 0;

INSERT INTO item_versions
(
    item_id, story_id, source, kind, published_at, title, text, url, lang, tickers, entities, topic, topic_p,
    p_negative, p_neutral, p_positive, sentiment, sentiment_label, flag, model_version, scored_at,
    kafka_topic, kafka_partition, kafka_offset, version
)
SELECT
    item_id, story_id, source, kind, published_at, title, text, url, lang, tickers, entities, topic, topic_p,
    p_negative, p_neutral, p_positive, sentiment, sentiment_label, flag, model_version, scored_at,
    kafka_topic, kafka_partition, kafka_offset, version
FROM item_rows FINAL
SETTINGS max_partitions_per_insert_block = 0;

CREATE OR REPLACE VIEW items AS
SELECT
    item_id, story_id, source, kind, published_at, title, text, url,
    lang, tickers, entities, topic, topic_p, p_negative, p_neutral, p_positive,
    sentiment, sentiment_label, flag, model_version, scored_at, late_seconds, kafka_topic, kafka_partition, kafka_offset
FROM item_versions FINAL
COMMENT 'One row per item: the text, its topic, sentiment and probabilities, and where in Kafka it came from; flag says why a text was not scored (language, no_words); late_seconds is 0 for what came in time';

CREATE OR REPLACE VIEW top_negative AS
SELECT
    published_at, source, if(title = '', text, title) AS headline, topic, entities, sentiment, p_negative, url
FROM items
WHERE published_at > (SELECT max(watermark) FROM source_watermarks) - INTERVAL 1 DAY AND flag = ''
ORDER BY p_negative DESC, published_at DESC
COMMENT 'Items of the last 24 hours of the stream that were scored, most negative first';

CREATE OR REPLACE VIEW sources AS
SELECT
    m.source AS source,
    w.items AS items,
    m.watermark AS watermark,
    w.late_items AS late_items,
    m.worst_late_seconds AS worst_late_seconds
FROM
(
    SELECT source, max(watermark) AS watermark, max(worst_late_seconds) AS worst_late_seconds
    FROM source_watermarks
    GROUP BY source
) AS m
LEFT JOIN
(
    SELECT key, sum(items) AS items, sum(late_items) AS late_items
    FROM window_rows FINAL
    WHERE scope = 'source'
    GROUP BY key
) AS w ON w.key = m.source
COMMENT 'Per source: items, the latest publication time seen (watermark), how many items came late and the furthest one was behind, in seconds';

CREATE OR REPLACE VIEW sentiment_1m AS
SELECT
    toStartOfInterval(w.start, INTERVAL 1 MINUTE) AS start,
    w.scope AS scope,
    w.key AS key,
    sum(w.items) AS items,
    sum(w.stories) AS stories,
    sum(w.negative_items) AS negative_items,
    sum(w.positive_items) AS positive_items,
    sum(w.negative_stories) AS negative_stories,
    sum(w.negative_story_sum) AS negative_story_sum,
    sum(w.sentiment_sum) / sum(w.items) AS sentiment,
    sum(w.late_items) AS late_items,
    if(toStartOfInterval(w.start, INTERVAL 1 MINUTE) + INTERVAL 1 MINUTE <= (SELECT max(complete_until) FROM source_watermarks), 'final', 'provisional') AS status
FROM window_rows AS w FINAL
GROUP BY toStartOfInterval(w.start, INTERVAL 1 MINUTE), w.scope, w.key
HAVING sum(w.items) > 0
COMMENT 'Per minute and key (scope all, topic, entity or source): items, stories, mean sentiment over items; final once the stream is past the window by the allowed lateness';

CREATE OR REPLACE VIEW sentiment_5m AS
SELECT
    toStartOfInterval(w.start, INTERVAL 5 MINUTE) AS start,
    w.scope AS scope,
    w.key AS key,
    sum(w.items) AS items,
    sum(w.stories) AS stories,
    sum(w.negative_items) AS negative_items,
    sum(w.positive_items) AS positive_items,
    sum(w.negative_stories) AS negative_stories,
    sum(w.negative_story_sum) AS negative_story_sum,
    sum(w.sentiment_sum) / sum(w.items) AS sentiment,
    sum(w.late_items) AS late_items,
    if(toStartOfInterval(w.start, INTERVAL 5 MINUTE) + INTERVAL 5 MINUTE <= (SELECT max(complete_until) FROM source_watermarks), 'final', 'provisional') AS status
FROM window_rows AS w FINAL
GROUP BY toStartOfInterval(w.start, INTERVAL 5 MINUTE), w.scope, w.key
HAVING sum(w.items) > 0
COMMENT 'Per five minutes and key (scope all, topic, entity or source): items, stories, mean sentiment over items; final once the stream is past the window by the allowed lateness';

CREATE OR REPLACE VIEW sentiment_1h AS
SELECT
    toStartOfInterval(w.start, INTERVAL 1 HOUR) AS start,
    w.scope AS scope,
    w.key AS key,
    sum(w.items) AS items,
    sum(w.stories) AS stories,
    sum(w.negative_items) AS negative_items,
    sum(w.positive_items) AS positive_items,
    sum(w.negative_stories) AS negative_stories,
    sum(w.negative_story_sum) AS negative_story_sum,
    sum(w.sentiment_sum) / sum(w.items) AS sentiment,
    sum(w.late_items) AS late_items,
    if(toStartOfInterval(w.start, INTERVAL 1 HOUR) + INTERVAL 1 HOUR <= (SELECT max(complete_until) FROM source_watermarks), 'final', 'provisional') AS status
FROM window_rows AS w FINAL
GROUP BY toStartOfInterval(w.start, INTERVAL 1 HOUR), w.scope, w.key
HAVING sum(w.items) > 0
COMMENT 'Per hour and key (scope all, topic, entity or source): items, stories, mean sentiment over items; final once the stream is past the window by the allowed lateness';

CREATE OR REPLACE VIEW sentiment_1d AS
SELECT
    toStartOfInterval(w.start, INTERVAL 1 DAY) AS start,
    w.scope AS scope,
    w.key AS key,
    sum(w.items) AS items,
    sum(w.stories) AS stories,
    sum(w.negative_items) AS negative_items,
    sum(w.positive_items) AS positive_items,
    sum(w.negative_stories) AS negative_stories,
    sum(w.negative_story_sum) AS negative_story_sum,
    sum(w.sentiment_sum) / sum(w.items) AS sentiment,
    sum(w.late_items) AS late_items,
    if(toStartOfInterval(w.start, INTERVAL 1 DAY) + INTERVAL 1 DAY <= (SELECT max(complete_until) FROM source_watermarks), 'final', 'provisional') AS status
FROM window_rows AS w FINAL
GROUP BY toStartOfInterval(w.start, INTERVAL 1 DAY), w.scope, w.key
HAVING sum(w.items) > 0
COMMENT 'Per UTC day and key (scope all, topic, entity or source): items, stories, mean sentiment over items; final once the stream is past the window by the allowed lateness';

DROP TABLE IF EXISTS item_rows
