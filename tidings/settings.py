"""Settings: frozen values read from a TOML file, with TIDINGS_<SECTION>_<KEY> overrides on top."""

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from tidings.errors import ConfigError
from tidings.sections import (
    AlertSettings,
    ApiSettings,
    ClassifierSettings,
    EmailSettings,
    GrafanaSettings,
    IngestSettings,
    KafkaSettings,
    MetricsSettings,
    OutgoingSettings,
    ReceiverSettings,
    RoutingSettings,
    Settings,
    SqlSettings,
    StoreSettings,
    WebhookSettings,
)

__all__ = [
    "AlertSettings",
    "ApiSettings",
    "ClassifierSettings",
    "EmailSettings",
    "GrafanaSettings",
    "IngestSettings",
    "KafkaSettings",
    "MetricsSettings",
    "OutgoingSettings",
    "ReceiverSettings",
    "RoutingSettings",
    "Settings",
    "SqlSettings",
    "StoreSettings",
    "WebhookSettings",
    "load_settings",
    "read_secret",
]

# Variables that share the prefix but are not settings: where training data lie, which file to read.
_NOT_SETTINGS = {"TIDINGS_DATA", "TIDINGS_CONFIG"}
_RECEIVERS = "TIDINGS_RECEIVERS_"


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
        if isinstance(value, Mapping):
            table[part.name] = {name: _as_table(entry) for name, entry in value.items()}
        elif is_dataclass(value):
            table[part.name] = _as_table(value)
            known |= {f"TIDINGS_{part.name}_{f.name}".upper(): (part.name, f.name) for f in fields(value)}
        else:
            table[part.name] = value
            known[f"TIDINGS_{part.name}".upper()] = ("", part.name)
    given = {k: v for k, v in env.items() if k.startswith("TIDINGS_") and k not in _NOT_SETTINGS}
    if not given:
        return settings
    for name, text in given.items():
        if name.startswith(_RECEIVERS):
            _override_receiver(table["receivers"], name, text)
            continue
        if name not in known:
            raise ConfigError(f"environment: unknown variable {name}{_nearest(name, known)}")
        section, key = known[name]
        (table[section] if section else table)[key] = _FromText(text)
    overridden: Settings = _build(Settings, table, "environment", "")
    return overridden


def _override_receiver(receivers: dict[str, dict[str, Any]], variable: str, text: str) -> None:
    """TIDINGS_RECEIVERS_DESK_URL is `url` of `[receivers.desk]`, which need not be in the file."""
    keys = {f.name.upper(): f.name for f in fields(ReceiverSettings)}
    endings = [key for key in keys if variable.endswith(f"_{key}")]
    name = variable.removeprefix(_RECEIVERS)[: -len(max(endings, key=len)) - 1] if endings else ""
    if not name:
        raise ConfigError(
            f"environment: {variable} must be {_RECEIVERS}<NAME>_<KEY>; keys: {', '.join(keys)}"
        )
    known = {receiver.upper().replace("-", "_"): receiver for receiver in receivers}
    receiver = receivers.setdefault(known.get(name, name.lower()), {})
    receiver[keys[max(endings, key=len)]] = _FromText(text)


def _as_table(section: Any) -> dict[str, Any]:
    return {f.name: getattr(section, f.name) for f in fields(section)}


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
        if get_origin(hints[key]) is Mapping:
            entry = get_args(hints[key])[1]
            if not isinstance(value, Mapping) or not all(
                isinstance(part, Mapping) for part in value.values()
            ):
                raise ConfigError(f"{where} must hold tables: write [{key}.NAME]")
            values[key] = {n: _build(entry, part, origin, f"{key}.{n}.") for n, part in value.items()}
        elif is_dataclass(hints[key]):
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
