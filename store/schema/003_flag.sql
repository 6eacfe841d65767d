ALTER TABLE item_rows ADD COLUMN IF NOT EXISTS flag LowCardinality(String) DEFAULT '' AFTER sentiment_label;

CREATE OR REPLACE VIEW items AS
SELECT
    item_id, story_id, source, kind, published_at, title, text, url,
    lang, tickers, entities, topic, topic_p, p_negative, p_neutral, p_positive,
    sentiment, sentiment_label, flag, model_version, scored_at, kafka_topic, kafka_partition, kafka_offset
FROM item_rows FINAL
COMMENT 'One row per item: the text, its topic, sentiment and probabilities, and where in Kafka it came from; flag says why a text was not scored (language, no_words)';

CREATE OR REPLACE VIEW top_negative AS
SELECT
    published_at, source, if(title = '', text, title) AS headline, topic, entities, sentiment, p_negative, url
FROM items
WHERE published_at > (SELECT max(published_at) FROM item_rows) - INTERVAL 1 DAY AND flag = ''
ORDER BY p_negative DESC, published_at DESC
COMMENT 'Items of the last 24 hours of the stream that were scored, most negative first';
