"""The sections of the settings, each a frozen dataclass with its defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class KafkaSettings:
    """Which broker and topics, and how it is reached.

    `session_timeout_ms` decides how soon a dead worker is replaced, `leader_session_timeout_ms` how soon the active
    alert engine; brokers refuse less than their `group.min.session.timeout.ms`. A batch ends at `batch_items` messages
    or `batch_bytes`, whichever comes first. `user` and `password` are for the SASL protocols, `cert_file` and
    `key_file` for brokers that ask for a client certificate; without `ca_file` the system's authorities count.
    Of several alert engines over one store the one that holds partition 0 of `control_topic` is active.
    """

    bootstrap_servers: tuple[str, ...] = ("127.0.0.1:9092",)
    topics: tuple[str, ...] = ("news.raw", "social.raw")
    dead_letter_topic: str = "tidings.dead-letters"
    control_topic: str = "tidings.control"
    group: str = "tidings"
    batch_items: int = 512
    batch_bytes: int = 33_554_432
    session_timeout_ms: int = 45_000
    leader_session_timeout_ms: int = 6_000  # the least that brokers take as they come
    max_message_bytes: int = 4_194_304
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    user: str = ""
    password: str = field(default="", repr=False)
    password_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    check_hostname: bool = True


@dataclass(frozen=True)
class IngestSettings:
    """A worker stops when at least `dead_letter_minimum` of the last `dead_letter_messages` messages, and more
    than the share `dead_letter_share` of them, became dead letters; a share of 1 never stops it."""

    dead_letter_share: float = 0.2
    dead_letter_messages: int = 1000
    dead_letter_minimum: int = 100


@dataclass(frozen=True)
class StoreSettings:
    """`embedded` keeps the data in `folder` (chDB); `server` speaks to ClickHouse at host and port.

    `alternative_hosts` ("host" or "host:port") are tried in turn when `host` does not answer. `cluster` names a
    cluster of the server's configuration: tables become replicated and sharded. An item more than `lateness_seconds`
    behind the latest of its source is late. The `keep_…_days` and
    `cold_after_days` are days by the server's clock; 0 is for ever.
    """

    backend: Literal["embedded", "server"] = "embedded"
    folder: Path = Path("tidings-data/store")
    host: str = "127.0.0.1"
    port: int = 9000
    database: str = "tidings"
    user: str = "default"
    password: str = field(default="", repr=False)
    password_file: Path | None = None
    secure: bool = False
    verify: bool = True
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    alternative_hosts: tuple[str, ...] = ()
    compression: Literal["none", "lz4", "zstd"] = "none"
    connect_timeout_seconds: float = 5.0
    answer_timeout_seconds: float = 300.0
    cluster: str = ""
    server_settings: tuple[str, ...] = ()
    lateness_seconds: int = 300
    keep_items_days: int = 0
    keep_windows_days: int = 0
    keep_consumed_days: int = 0
    keep_alerts_days: int = 0
    cold_volume: str = ""
    cold_after_days: int = 0
    analyst_user: str = "analyst"
    analyst_password: str = field(default="", repr=False)
    analyst_password_file: Path | None = None


@dataclass(frozen=True)
class ClassifierSettings:
    """`model` is a folder with manifest.json; none means the shipped one. `threads` 0: all cores."""

    model: Path | None = None
    provider: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = 0
    batch_tokens: int = 0


@dataclass(frozen=True)
class AlertSettings:
    """`rules` is a YAML file; none means the default pack (alerts/default_rules.yaml).

    `explain`: the evidence says which words moved its scores. `dashboard_url` is the address of the overview dashboard
    as people open it; alerts then link to it. Every `reconcile_every_seconds` the counts of the last day are proven,
    and an alert raised when they do not agree; 0 is never.
    """

    rules: Path | None = None
    evaluate_every_seconds: int = 60
    roll_every_seconds: int = 5
    reconcile_every_seconds: int = 3600
    explain: bool = True
    dashboard_url: str = ""


@dataclass(frozen=True)
class RoutingSettings:
    """Who is told when (docs/notifications.md). As it comes, each alert is told at once, by itself, and once.

    `group_by` names labels; without any every alert is a group. `inhibit` holds "MATCHERS > MATCHERS", `mute_times`
    "DAYS HH:MM-HH:MM ZONE [MATCHERS]", the days by weekday, date or market. A `repeat_interval_seconds` of 0 never
    repeats; more than `storm_limit` notifications to a receiver within `storm_seconds` become one digest (0: never).
    """

    group_by: tuple[str, ...] = ()
    group_wait_seconds: float = 0.0
    group_interval_seconds: float = 0.0
    repeat_interval_seconds: float = 0.0
    inhibit: tuple[str, ...] = ()
    mute_times: tuple[str, ...] = ()
    storm_limit: int = 50
    storm_seconds: float = 600.0


@dataclass(frozen=True)
class EmailSettings:
    """Alert e-mails are sent when `host` and `recipients` are set."""

    host: str = ""
    port: int = 25
    security: Literal["none", "starttls", "tls"] = "none"
    user: str = ""
    password: str = field(default="", repr=False)
    password_file: Path | None = None
    sender: str = "tidings@localhost"
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True)
class WebhookSettings:
    """Alerts are posted to `url` when it is set, signed with `secret` (HMAC-SHA256): the receiver named webhook."""

    url: str = field(default="", repr=False)
    url_file: Path | None = None
    secret: str = field(default="", repr=False)
    secret_file: Path | None = None
    timeout_seconds: float = 10.0


@dataclass(frozen=True)
class ReceiverSettings:
    """One receiver, `[receivers.NAME]`; `kind` is the name when it is left out (docs/receivers.md).

    `url` is where to post; e-mail has `recipients` instead, and goes through the server of `[email]`. `secret` signs
    (webhook, dingtalk, feishu), or is the routing key (pagerduty) or the bearer token (alertmanager). Files win.
    """

    kind: Literal[
        "", "email", "webhook", "slack", "teams", "wecom", "dingtalk", "feishu", "alertmanager", "pagerduty"
    ] = ""
    url: str = field(default="", repr=False)
    url_file: Path | None = None
    secret: str = field(default="", repr=False)
    secret_file: Path | None = None
    recipients: tuple[str, ...] = ()
    timeout_seconds: float = 10.0


@dataclass(frozen=True)
class OutgoingSettings:
    """Which hosts notifications may be posted to: `allowed_hosts` ("hooks.slack.com", "*.example.com"; empty is
    any), and whether private, loopback and link-local addresses are among them."""

    allowed_hosts: tuple[str, ...] = ()
    allow_private: bool = False


@dataclass(frozen=True)
class MetricsSettings:
    """Prometheus metrics are served on `port` when it is not 0."""

    host: str = "127.0.0.1"
    port: int = 0


@dataclass(frozen=True)
class SqlSettings:
    """ClickHouse's HTTP interface over the embedded store, read-only, served on `port` when it is not 0.

    Beyond loopback it needs a password. Limits for each query: `seconds` it may run, `rows` and `bytes` of its
    answer, `memory_bytes` while it runs; and how many may run at once (`queries`; the others wait).
    """

    host: str = "127.0.0.1"
    port: int = 0
    user: str = "default"
    password: str = field(default="", repr=False)
    password_file: Path | None = None
    seconds: int = 30
    rows: int = 1_000_000
    bytes: int = 268_435_456
    memory_bytes: int = 2_000_000_000
    queries: int = 4


@dataclass(frozen=True)
class ApiSettings:
    """The HTTP API and the live page, served on `port` by the part `api`; 0 is off.

    `keys_file` holds the API keys' names, scopes and hashes; beyond loopback it is needed, and so is the page's login
    (`page_user`, `page_password_file`). `requests_per_minute` is per key, 0 is no limit; `request_bytes` the largest
    body; `allowed_origins` the web origins that browsers may call the API from (CORS; none as it comes).
    """

    host: str = "127.0.0.1"
    port: int = 8080
    keys_file: Path | None = None
    page_user: str = "tidings"
    page_password: str = field(default="", repr=False)
    page_password_file: Path | None = None
    requests_per_minute: int = 600
    request_bytes: int = 1_000_000
    allowed_origins: tuple[str, ...] = ()
    viewers: int = 1_000


@dataclass(frozen=True)
class GrafanaSettings:
    """Alerts become annotations in the Grafana at `url` when it is set; `token` is a service account's."""

    url: str = ""
    token: str = field(default="", repr=False)
    token_file: Path | None = None
    timeout_seconds: float = 10.0


@dataclass(frozen=True)
class Settings:
    """All settings. `clock` is `wall` for live use, `stream` when history is replayed."""

    clock: Literal["wall", "stream"] = "wall"
    kafka: KafkaSettings = KafkaSettings()
    ingest: IngestSettings = IngestSettings()
    store: StoreSettings = StoreSettings()
    classifier: ClassifierSettings = ClassifierSettings()
    alerts: AlertSettings = AlertSettings()
    routing: RoutingSettings = RoutingSettings()
    email: EmailSettings = EmailSettings()
    webhook: WebhookSettings = WebhookSettings()
    receivers: Mapping[str, ReceiverSettings] = field(default_factory=dict)
    outgoing: OutgoingSettings = OutgoingSettings()
    metrics: MetricsSettings = MetricsSettings()
    sql: SqlSettings = SqlSettings()
    api: ApiSettings = ApiSettings()
    grafana: GrafanaSettings = GrafanaSettings()
