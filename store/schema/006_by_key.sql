CREATE TABLE IF NOT EXISTS key_windows
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
    late_items UInt64 DEFAULT 0,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(start)
ORDER BY (scope, key, start)
COMMENT 'The rows of window_rows once more, ordered by key: a few keys over a long time are read here';

-- Copies row by row and adds nothing up: a block that comes twice brings versions that are there already.
CREATE MATERIALIZED VIEW IF NOT EXISTS key_windows_feed TO key_windows AS
SELECT
    scope, key, start, items, negative_items, positive_items, sentiment_sum, stories, negative_stories,
    negative_story_sum, late_items, version
FROM window_rows
COMMENT 'Copies every row that is written to window_rows into key_windows';

INSERT INTO key_windows
(
    scope, key, start, items, negative_items, positive_items, sentiment_sum, stories, negative_stories,
    negative_story_sum, late_items, version
)
SELECT
    scope, key, start, items, negative_items, positive_items, sentiment_sum, stories, negative_stories,
    negative_story_sum, late_items, version
FROM window_rows
SETTINGS max_partitions_per_insert_block = 0;

CREATE OR REPLACE VIEW sentiment_1m_by_key AS
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
FROM key_windows AS w FINAL
GROUP BY toStartOfInterval(w.start, INTERVAL 1 MINUTE), w.scope, w.key
HAVING sum(w.items) > 0
COMMENT 'The same as sentiment_1m, for queries that name scope and key: reads those keys only, over any time';

CREATE OR REPLACE VIEW sentiment_5m_by_key AS
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
FROM key_windows AS w FINAL
GROUP BY toStartOfInterval(w.start, INTERVAL 5 MINUTE), w.scope, w.key
HAVING sum(w.items) > 0
COMMENT 'The same as sentiment_5m, for queries that name scope and key: reads those keys only, over any time';

CREATE OR REPLACE VIEW sentiment_1h_by_key AS
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
FROM key_windows AS w FINAL
GROUP BY toStartOfInterval(w.start, INTERVAL 1 HOUR), w.scope, w.key
HAVING sum(w.items) > 0
COMMENT 'The same as sentiment_1h, for queries that name scope and key: reads those keys only, over any time';

CREATE OR REPLACE VIEW sentiment_1d_by_key AS
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
FROM key_windows AS w FINAL
GROUP BY toStartOfInterval(w.start, INTERVAL 1 DAY), w.scope, w.key
HAVING sum(w.items) > 0
COMMENT 'The same as sentiment_1d, for queries that name scope and key: reads those keys only, over any time';

ALTER TABLE item_versions ADD INDEX IF NOT EXISTS item item_id TYPE bloom_filter(0.001) GRANULARITY 1;

ALTER TABLE item_versions MATERIALIZE INDEX item;

CREATE OR REPLACE VIEW stories AS
SELECT
    i.story_id AS story_id,
    toDate(toStartOfMinute(i.published_at)) AS day,
    min(i.published_at) AS first_published_at,
    max(i.published_at) AS last_published_at,
    argMin(if(i.title = '', i.text, i.title), (i.published_at, i.item_id)) AS title,
    argMin(i.topic, (i.published_at, i.item_id)) AS topic,
    argMin(i.sentiment, (i.published_at, i.item_id)) AS sentiment,
    argMin(i.p_negative, (i.published_at, i.item_id)) AS p_negative,
    count() AS reach,
    arraySort(groupUniqArray(i.source)) AS sources,
    argMin(i.entities, (i.published_at, i.item_id)) AS entities
FROM items AS i
GROUP BY toDate(toStartOfMinute(i.published_at)), i.story_id
COMMENT 'One row per story: near-identical items of a UTC day, told by the earliest; reach is the number of items. A condition on day reads those days only'
