"""Every metric of Tidings, each defined once with its help text (Prometheus conventions)."""

from prometheus_client import Counter, Gauge, Histogram

MESSAGES = Counter("tidings_ingest_messages_total", "Kafka messages read", ["kafka_topic"])
DEAD_LETTERS = Counter("tidings_ingest_dead_letters_total", "Messages dead-lettered", ["reason"])
ITEMS_STORED = Counter("tidings_ingest_items_stored_total", "Scored items acknowledged by the store")
ITEMS_FLAGGED = Counter(
    "tidings_ingest_items_flagged_total", "Stored items that were not scored (language, no_words)", ["flag"]
)
BATCH_SECONDS = Histogram("tidings_ingest_step_seconds", "Seconds a batch spent in a step", ["step"])
RETRIES = Counter("tidings_ingest_retries_total", "Steps tried again after an error", ["step", "error"])
BATCH_MESSAGES = Histogram(
    "tidings_ingest_batch_messages", "Messages of a batch", buckets=(1, 4, 16, 64, 128, 256, 512, 1024, 4096)
)
BATCH_BYTES = Histogram(
    "tidings_ingest_batch_bytes", "Bytes of a batch's messages", buckets=tuple(4.0**n for n in range(5, 15))
)
LAG = Gauge(
    "tidings_ingest_lag_messages",
    "Messages of a partition after the last commit; of a waiting worker asked of the broker every 10 seconds",
    ["kafka_topic", "kafka_partition"],
)
BEHIND_SECONDS = Gauge(
    "tidings_ingest_behind_seconds", "Age of the latest item of the last stored batch when it was stored"
)
REBALANCES = Counter(
    "tidings_ingest_rebalances_total",
    "Times partitions were assigned to this worker, revoked from it, or lost (it was taken for dead)",
    ["change"],
)
WINDOWS_ROLLED = Counter("tidings_store_windows_rolled_total", "Minutes recomputed by the roll job")
DIFFERING_WINDOWS = Gauge(
    "tidings_store_differing_windows",
    "Windows of the last day that the last proof found to differ from their items",
)
UNEXPLAINED_OFFSETS = Gauge(
    "tidings_store_unexplained_offsets", "Kafka offsets of the last day that the last proof found to be lost"
)
ENGINE_ACTIVE = Gauge("tidings_alerts_engine_active", "1 where the alert engine is the active one, else 0")
EVALUATIONS = Counter("tidings_alerts_evaluations_total", "Rule evaluations")
ALERTS_FIRED = Counter("tidings_alerts_fired_total", "Alerts that began to fire", ["rule"])
NOTIFICATIONS = Counter(
    "tidings_alerts_notifications_total", "Notifications by receiver and outcome", ["receiver", "outcome"]
)
PROVIDER = Gauge("tidings_classifier_provider_info", "Execution provider in use (1)", ["provider"])
API_REQUESTS = Counter("tidings_service_api_requests_total", "API requests", ["route", "method", "status"])
API_SECONDS = Histogram("tidings_service_api_request_seconds", "Seconds until an API answer began", ["route"])
API_BATCH_TEXTS = Histogram(
    "tidings_service_api_batch_texts",
    "Texts that were scored together",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
)
API_BATCH_CALLERS = Histogram(
    "tidings_service_api_batch_callers",
    "Requests whose texts were scored together",
    buckets=(1, 2, 4, 8, 16, 32, 64),
)
API_QUEUE = Gauge("tidings_service_api_queue_characters", "Characters of texts that wait to be scored")
