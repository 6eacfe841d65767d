ALTER TABLE alert_rows ADD COLUMN IF NOT EXISTS measured String DEFAULT '{}' AFTER series;

ALTER TABLE alert_rows ADD COLUMN IF NOT EXISTS annotations String DEFAULT '{}' AFTER measured;

ALTER TABLE alert_rows COMMENT COLUMN unsent 'No longer written: who was told of what stands in notification_rows';

CREATE TABLE IF NOT EXISTS notification_rows
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
    version UInt64 DEFAULT toUnixTimestamp64Nano(now64(9))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY notification_id
SETTINGS index_granularity = 256
COMMENT 'Every version of every notification; read it through the view notifications';

CREATE TABLE IF NOT EXISTS silence_rows
(
    silence_id String,
    matchers String,
    author String,
    reason String,
    starts_at DateTime64(3, 'UTC'),
    ends_at DateTime64(3, 'UTC'),
    version UInt64 DEFAULT toUnixTimestamp64Nano(now64(9))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY silence_id
COMMENT 'Every version of every silence; read it through the view silences';

CREATE TABLE IF NOT EXISTS acknowledgement_rows
(
    alert_id String,
    author String,
    note String,
    acknowledged_at DateTime64(3, 'UTC'),
    snoozed_until Nullable(DateTime64(3, 'UTC')),
    version UInt64 DEFAULT toUnixTimestamp64Nano(now64(9))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY alert_id
COMMENT 'Who has seen which alert; the latest acknowledgement of an alert counts';

-- Alerts of earlier versions, under the names that receivers had: whom they told of a firing alert is told of its end
-- and of nothing twice, and who had yet to hear of an end still does.
INSERT INTO notification_rows
(notification_id, receiver, group_key, reason, alert_ids, alert_states, created_at, state, attempts, sent_at)
SELECT
    lower(hex(sipHash128(alert_id, receiver))), receiver, alert_id, 'firing', [alert_id], ['firing'],
    assumeNotNull(fired_at), 'sent', 1, fired_at
FROM
(
    SELECT
        alert_id,
        fired_at,
        arrayJoin(if(state = 'firing', arrayFilter(name -> NOT has(unsent, name), ['email', 'webhook']), unsent)) AS receiver
    FROM alert_rows FINAL
    WHERE fired_at IS NOT NULL AND (state = 'firing' OR notEmpty(unsent))
);

CREATE OR REPLACE VIEW notifications AS
SELECT
    notification_id, receiver, group_key, reason, state, attempts, created_at, sent_at, next_attempt_at, error,
    alert_ids, alert_states
FROM notification_rows FINAL
COMMENT 'One row per message to a receiver: why (reason firing, changed, repeat, resolved, digest), about which alerts, and what became of it (state waiting, sent, failed, dropped; error)';

CREATE OR REPLACE VIEW silences AS
SELECT
    silence_id, matchers, author, reason, starts_at, ends_at, starts_at <= now64(3) AND now64(3) < ends_at AS in_force
FROM silence_rows FINAL
COMMENT 'One row per silence: alerts whose labels match (JSON, label to glob pattern) tell nobody from starts_at to ends_at; who made it and why';

CREATE OR REPLACE VIEW alerts AS
SELECT
    r.alert_id AS alert_id, r.rule AS rule, r.scope AS scope, r.key AS key, r.severity AS severity, r.state AS state,
    r.value AS value, r.expected AS expected, r.p_value AS p_value,
    r.started_at AS started_at, r.fired_at AS fired_at, r.resolved_at AS resolved_at, r.updated_at AS updated_at,
    r.window_seconds AS window_seconds,
    JSONExtractString(r.measured, 'kind') AS kind,
    JSONExtractString(r.measured, 'measure') AS measure,
    JSONExtract(r.measured, 'lower', 'Nullable(Float64)') AS lower,
    JSONExtract(r.measured, 'upper', 'Nullable(Float64)') AS upper,
    JSONExtract(r.measured, 'threshold', 'Nullable(Float64)') AS threshold,
    JSONExtract(r.measured, 'stories', 'Nullable(UInt64)') AS stories,
    JSONExtract(r.measured, 'sources', 'Nullable(UInt64)') AS sources,
    JSONExtract(r.measured, 'share', 'Nullable(Float64)') AS share,
    JSONExtract(r.measured, 'share_expected', 'Nullable(Float64)') AS share_expected,
    JSONExtract(r.measured, 'share_p_value', 'Nullable(Float64)') AS share_p_value,
    r.annotations AS annotations,
    a.author AS acknowledged_by,
    a.acknowledged_at AS acknowledged_at
FROM alert_rows AS r FINAL
LEFT JOIN
(
    SELECT alert_id, author, toNullable(acknowledged_at) AS acknowledged_at
    FROM acknowledgement_rows FINAL
) AS a ON a.alert_id = r.alert_id
COMMENT 'One row per alert: what was counted (value, of the measure) and expected, the bounds of what is usual (lower, upper), the share of negative stories, its state, times, and who has seen it'
