"""Settings: frozen values read from a TOML file, with TIDINGS_<SECTION>_<KEY> overrides on top."""

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from tidings.errors import ConfigError

# Variables that share the prefix but are not settings: where training data lie, which file to read.
_NOT_SETTINGS = {"TIDINGS_DATA", "TIDINGS_CONFIG"}


@dataclass(frozen=True)
class KafkaSettings:
    """Which broker and topics, and how it is reached.

    `session_timeout_ms` decides how soon a dead worker is replaced. A batch ends at `batch_items` messages or
    `batch_bytes`, whichever comes first. `user` and `password` are for the SASL protocols, `cert_file` and
    `key_file` for brokers that ask for a client certificate; without `ca_file` the system's authorities count.
    """

    bootstrap_servers: tuple[str, ...] = ("127.0.0.1:9092",)
    topics: tuple[str, ...] = ("news.raw", "social.raw")
    dead_letter_topic: str = "tidings.dead-letters"
    group: str = "tidings"
    batch_items: int = 512
    batch_bytes: int = 33_554_432
    session_timeout_ms: int = 45_000
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

    `explain`: the evidence says which words moved its scores. Every `reconcile_every_seconds` the counts of the last
    day are proven, and an alert raised when they do not agree; 0 is never.
    """

    rules: Path | None = None
    evaluate_every_seconds: int = 60
    roll_every_seconds: int = 5
    reconcile_every_seconds: int = 3600
    explain: bool = True


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
    """Alerts are posted to `url` when it is set, signed with `secret` (HMAC-SHA256)."""

    url: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    secret_file: Path | None = None
    timeout_seconds: float = 10.0


@dataclass(frozen=True)
class MetricsSettings:
    """Prometheus metrics are served on `port` when it is not 0."""

    host: str = "127.0.0.1"
    port: int = 0


@dataclass(frozen=True)
class Settings:
    """All settings. `clock` is `wall` for live use, `stream` when history is replayed."""

    clock: Literal["wall", "stream"] = "wall"
    kafka: KafkaSettings = KafkaSettings()
    ingest: IngestSettings = IngestSettings()
    store: StoreSettings = StoreSettings()
    classifier: ClassifierSettings = ClassifierSettings()
    alerts: AlertSettings = AlertSettings()
    email: EmailSettings = EmailSettings()
    webhook: WebhookSettings = WebhookSettings()
    metrics: MetricsSettings = MetricsSettings()


def load_settings(path: Path | None = None, env: Mapping[str, str] | None = None) -> Settings:
    """Reads `path` (TOML), then the environment; raises ConfigError naming file, field and fix."""
    table: dict[str, Any] = {}
    if path is not None:
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read ({error.strerror}); check --config") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: not valid TOML: {error}") from None
    settings: Settings = _build(Settings, table, str(path or "settings"), "")
    return _override(settings, os.environ if env is None else env)


def read_secret(value: str, file: Path | None) -> str:
    """The secret itself, or the stripped contents of `file` when one is named."""
    if file is None:
        return value
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{file}: secret file cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: secret file is not UTF-8 text; is it the right file?") from None


def _override(settings: Settings, env: Mapping[str, str]) -> Settings:
    known: dict[str, tuple[str, str]] = {}
    table: dict[str, Any] = {}
    for part in fields(Settings):
        value = getattr(settings, part.name)
        if is_dataclass(value):
            table[part.name] = {f.name: getattr(value, f.name) for f in fields(value)}
            known |= {f"TIDINGS_{part.name}_{f.name}".upper(): (part.name, f.name) for f in fields(value)}
        else:
            table[part.name] = value
            known[f"TIDINGS_{part.name}".upper()] = ("", part.name)
    given = {k: v for k, v in env.items() if k.startswith("TIDINGS_") and k not in _NOT_SETTINGS}
    if not given:
        return settings
    for name, text in given.items():
        if name not in known:
            raise ConfigError(f"environment: unknown variable {name}{_nearest(name, known)}")
        section, key = known[name]
        (table[section] if section else table)[key] = _FromText(text)
    overridden: Settings = _build(Settings, table, "environment", "")
    return overridden


class _FromText(str):
    """A value from the environment: converted to the field's type where TOML would have typed it."""


def _build(cls: Any, table: Mapping[str, Any], origin: str, prefix: str) -> Any:
    names = {f.name for f in fields(cls)}
    for key in table:
        if key not in names:
            raise ConfigError(f"{origin}: unknown key {prefix}{key}{_nearest(key, names)}")
    hints = get_type_hints(cls)
    values = {}
    for key, value in table.items():
        where = f"{origin}: {prefix}{key}"
        if is_dataclass(hints[key]):
            if not isinstance(value, Mapping):
                raise ConfigError(f"{where} must be a table: write [{key}]")
            values[key] = _build(hints[key], value, origin, f"{key}.")
        else:
            values[key] = _convert(hints[key], value, where)
    return cls(**values)


def _convert(hint: Any, value: Any, where: str) -> Any:
    arguments = get_args(hint)
    if get_origin(hint) is Literal:
        if value in arguments:
            return str(value)
        raise ConfigError(f"{where} must be one of {', '.join(arguments)}; it is {value!r}")
    if type(None) in arguments:  # Path | None
        return None if value is None or value == "" else _convert(Path, value, where)
    if get_origin(hint) is tuple:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
            return tuple(value)
        raise ConfigError(f"{where} must be a list of texts")
    if isinstance(value, _FromText):
        value = _parse(hint, value)
    if hint is Path and isinstance(value, str | Path):
        return Path(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        if hint in (int, float) and not 0 <= value < float("inf"):
            raise ConfigError(f"{where} must be finite and not negative; it is {value}")
        return value
    # The value is not shown: it may be a secret in the wrong place.
    words = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", Path: "a path"}
    given = "a text" if isinstance(value, str) else type(value).__name__
    raise ConfigError(f"{where} must be {words.get(hint, hint)}, not {given}")


def _parse(hint: Any, text: str) -> Any:
    if hint is bool:
        return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
    if hint in (int, float):
        try:
            return hint(text)
        except ValueError:
            return text
    return str(text)


def _nearest(key: str, known: Any) -> str:
    close = difflib.get_close_matches(key, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else f"; known: {', '.join(sorted(known))}"
