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
    model_version LowCardinality(String),
    scored_at DateTime64(3, 'UTC'),
    kafka_topic LowCardinality(String),
    kafka_partition UInt32,
    kafka_offset UInt64,
    version UInt64 DEFAULT toUnixTimestamp64Nano(now64(9)),
    INDEX published published_at TYPE minmax GRANULARITY 1,
    INDEX story story_id TYPE bloom_filter GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(published_at)
ORDER BY item_id
COMMENT 'Every version of every item; read it through the view items';

CREATE TABLE IF NOT EXISTS dirty_minutes
(
    minute DateTime('UTC'),
    marked SimpleAggregateFunction(max, UInt64),
    rolled SimpleAggregateFunction(max, UInt64)
)
ENGINE = AggregatingMergeTree
ORDER BY minute
COMMENT 'A minute is dirty while it was marked after it was last rolled';

CREATE TABLE IF NOT EXISTS window_rows
(
    scope LowCardinality(String),
    key String,
    start DateTime('UTC'),
    items UInt64,
    negative_items UInt64,
    positive_items UInt64,
    sentiment_sum Float64,
    stories UInt64,
    negative_stories UInt64,
    negative_story_sum Float64,
    version UInt64 DEFAULT toUnixTimestamp64Nano(now64(9))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(start)
ORDER BY (scope, start, key)
COMMENT 'Every version of every one-minute window; read it through the views sentiment_1m to sentiment_1d';

CREATE TABLE IF NOT EXISTS alert_rows
(
    alert_id String,
    fingerprint String,
    rule LowCardinality(String),
    scope LowCardinality(String),
    key String,
    severity LowCardinality(String),
    state LowCardinality(String),
    value Float64,
    expected Float64,
    p_value Float64,
    window_seconds UInt32,
    started_at DateTime64(3, 'UTC'),
    fired_at Nullable(DateTime64(3, 'UTC')),
    resolved_at Nullable(DateTime64(3, 'UTC')),
    updated_at Nullable(DateTime64(3, 'UTC')),
    unsent Array(String),
    labels String,
    evidence String,
    series String,
    version UInt64 DEFAULT toUnixTimestamp64Nano(now64(9))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY alert_id
COMMENT 'Every version of every alert; read it through the view alerts';
