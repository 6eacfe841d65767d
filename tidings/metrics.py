"""Every metric of Tidings, each defined once with its help text (Prometheus conventions)."""

from prometheus_client import Counter, Gauge, Histogram

MESSAGES = Counter("tidings_ingest_messages_total", "Kafka messages read", ["kafka_topic"])
DEAD_LETTERS = Counter("tidings_ingest_dead_letters_total", "Messages dead-lettered", ["reason"])
ITEMS_STORED = Counter("tidings_ingest_items_stored_total", "Scored items acknowledged by the store")
ITEMS_FLAGGED = Counter(
    "tidings_ingest_items_flagged_total", "Stored items that were not scored (language, no_words)", ["flag"]
)
BATCH_SECONDS = Histogram("tidings_ingest_step_seconds", "Seconds a batch spent in a step", ["step"])
RETRIES = Counter("tidings_ingest_retries_total", "Batches tried again after an error", ["step"])
WINDOWS_ROLLED = Counter("tidings_store_windows_rolled_total", "Minutes recomputed by the roll job")
EVALUATIONS = Counter("tidings_alerts_evaluations_total", "Rule evaluations")
ALERTS_FIRED = Counter("tidings_alerts_fired_total", "Alerts that began to fire", ["rule"])
NOTIFICATIONS = Counter(
    "tidings_alerts_notifications_total", "Notifications by receiver and outcome", ["receiver", "outcome"]
)
PROVIDER = Gauge("tidings_classifier_provider_info", "Execution provider in use (1)", ["provider"])
