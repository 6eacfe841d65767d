CREATE OR REPLACE VIEW co_mentions AS
SELECT
    toDate(toStartOfMinute(i.published_at)) AS day,
    pair.1 AS name,
    pair.2 AS other,
    uniqExact(i.story_id) AS stories,
    uniqExactIf(i.story_id, i.sentiment_label = 'negative') AS negative_stories,
    count() AS items,
    avg(i.sentiment) AS sentiment
FROM items AS i
ARRAY JOIN arrayFlatten(arrayMap(
    (first, at) -> arrayMap(second -> (first, second), arraySlice(arraySort(arrayDistinct(i.entities)), at + 1)),
    arraySort(arrayDistinct(i.entities)), arrayEnumerate(arrayDistinct(i.entities))
)) AS pair
GROUP BY toDate(toStartOfMinute(i.published_at)), pair
COMMENT 'Per UTC day and pair of names that one text speaks of: stories, those with a negative item, items, mean sentiment over items; each pair once, the names in alphabetical order. A condition on day reads those days only'
