"""API keys: names, scopes and hashes in a JSON file that only its owner may read.

A key is 32 random bytes, so its SHA-256 is enough at rest: a slow password hash defends what people choose, and
nobody can try 2^256 values. The key itself is shown once and kept nowhere.
"""

import hashlib
import json
import os
import re
import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, Literal, get_args

from tidings.errors import ConfigError, TidingsError

Scope = Literal["score", "ingest", "read", "alerts"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


@dataclass(frozen=True)
class ApiKey:
    """What is kept of a key: `name` says whose it is, `sha256` is of the key itself, in hexadecimal."""

    name: str
    scopes: tuple[Scope, ...]
    sha256: str
    created_at: str


def create_key(file: Path, name: str, scopes: Sequence[str]) -> str:
    """Adds a key of this name and returns it; raises ConfigError for a name or scope that cannot be."""
    if not _NAME.fullmatch(name):
        raise ConfigError(f"NAME must be up to 64 letters, digits, `.`, `_` or `-`; it is {name!r}")
    wanted = [scope for scope in SCOPES if scope in scopes]
    if not wanted or set(scopes) - set(SCOPES):
        raise ConfigError(
            f"--scopes must be some of {', '.join(SCOPES)}; it is {', '.join(scopes) or 'empty'}"
        )
    keys = read_keys(file) if file.exists() else []
    if any(key.name == name for key in keys):
        raise ConfigError(f"{file}: there is a key {name} already: revoke it first, or take another name")
    key = f"tidings_{secrets.token_urlsafe(32)}"
    now = datetime.now(UTC).isoformat(timespec="seconds")
    _write(file, [*keys, ApiKey(name, tuple(wanted), hash_of(key), now)])
    return key


def revoke_key(file: Path, name: str) -> None:
    """Removes the key of this name; a running service refuses it from its next request on."""
    keys = read_keys(file)
    left = [key for key in keys if key.name != name]
    if len(left) == len(keys):
        raise TidingsError(f"{file}: there is no key {name}: see `tidings api keys list`")
    _write(file, left)


def read_keys(file: Path) -> list[ApiKey]:
    """The keys in the file; raises ConfigError naming it and what to do."""
    try:
        return [_key(part) for part in json.loads(file.read_text(encoding="utf-8"))["keys"]]
    except FileNotFoundError:
        raise ConfigError(
            f"api.keys_file: there is no file {file}: `tidings api keys create` makes it"
        ) from None
    except OSError as error:
        raise ConfigError(f"api.keys_file: {file} cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError):
        raise ConfigError(
            f"api.keys_file: {file} is no file of API keys: move it away, and make them with `tidings api keys create`"
        ) from None


def hash_of(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


class Keys:
    """The keys of a file, read again when it changes. Safe to use from several threads."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._known: dict[str, ApiKey] = {}
        self.find("")  # a wrong file is told at the start

    def find(self, key: str) -> ApiKey | None:
        """Whose it is; None for an unknown or revoked one. Raises ConfigError when the file cannot be read."""
        with self._lock:
            stamp = _stamp(self._file)
            if stamp is None or stamp != self._stamp:
                self._known = {kept.sha256: kept for kept in read_keys(self._file)}
                self._stamp = stamp
            return self._known.get(hash_of(key))


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _key(part: dict[str, Any]) -> ApiKey:
    scopes = tuple(part["scopes"])
    if set(scopes) - set(SCOPES):
        raise ValueError(f"unknown scope in {scopes}")
    return ApiKey(str(part["name"]), scopes, str(part["sha256"]), str(part["created_at"]))


def _write(file: Path, keys: Sequence[ApiKey]) -> None:
    """All or nothing, readable by its owner only."""
    text = json.dumps({"keys": [asdict(key) for key in keys]}, indent=2) + "\n"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # made with mode 0600
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
        Path(part).replace(file)
    except OSError as error:
        raise ConfigError(f"api.keys_file: {file} cannot be written ({error.strerror})") from None
