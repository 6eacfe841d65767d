CREATE OR REPLACE VIEW items AS
SELECT
    item_id, story_id, source, kind, published_at, title, text, url,
    lang, tickers, entities, topic, topic_p, p_negative, p_neutral, p_positive,
    sentiment, sentiment_label, model_version, scored_at, kafka_topic, kafka_partition, kafka_offset
FROM item_rows FINAL
COMMENT 'One row per item: the text, its topic, sentiment and probabilities, and where in Kafka it came from';

CREATE OR REPLACE VIEW stories AS
SELECT
    i.story_id AS story_id,
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
GROUP BY i.story_id
COMMENT 'One row per story: near-identical items of a UTC day, told by the earliest; reach is the number of items';

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
    sum(w.sentiment_sum) / sum(w.items) AS sentiment
FROM window_rows AS w FINAL
GROUP BY toStartOfInterval(w.start, INTERVAL 1 MINUTE), w.scope, w.key
HAVING sum(w.items) > 0
COMMENT 'Per minute and key (scope all, topic, entity or source): items, stories, mean sentiment over items';

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
    sum(w.sentiment_sum) / sum(w.items) AS sentiment
FROM window_rows AS w FINAL
GROUP BY toStartOfInterval(w.start, INTERVAL 5 MINUTE), w.scope, w.key
HAVING sum(w.items) > 0
COMMENT 'Per five minutes and key (scope all, topic, entity or source): items, stories, mean sentiment over items';

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
    sum(w.sentiment_sum) / sum(w.items) AS sentiment
FROM window_rows AS w FINAL
GROUP BY toStartOfInterval(w.start, INTERVAL 1 HOUR), w.scope, w.key
HAVING sum(w.items) > 0
COMMENT 'Per hour and key (scope all, topic, entity or source): items, stories, mean sentiment over items';

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
    sum(w.sentiment_sum) / sum(w.items) AS sentiment
FROM window_rows AS w FINAL
GROUP BY toStartOfInterval(w.start, INTERVAL 1 DAY), w.scope, w.key
HAVING sum(w.items) > 0
COMMENT 'Per UTC day and key (scope all, topic, entity or source): items, stories, mean sentiment over items';

CREATE OR REPLACE VIEW alerts AS
SELECT
    alert_id, rule, scope, key, severity, state, value, expected, p_value,
    started_at, fired_at, resolved_at, updated_at
FROM alert_rows FINAL
COMMENT 'One row per alert: negative stories counted (value) and expected, its state and times';

CREATE OR REPLACE VIEW top_negative AS
SELECT
    published_at, source, if(title = '', text, title) AS headline, topic, entities, sentiment, p_negative, url
FROM items
WHERE published_at > (SELECT max(published_at) FROM item_rows) - INTERVAL 1 DAY
ORDER BY p_negative DESC, published_at DESC
COMMENT 'Items of the last 24 hours of the stream, most negative first';
