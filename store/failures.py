"""What an error of ClickHouse means to Tidings, by its code: try again, refuse the rows, or mend the settings. Pure."""

import re
from typing import Literal

from tidings.errors import ConfigError, Refused, TidingsError, Unavailable

_CODE = re.compile(r"\bCode: (\d+)\b")

# Code: name in ClickHouse, what to do. Trying again helps against all of these.
PASSING: dict[int, tuple[str, str]] = {
    74: ("CANNOT_READ_FROM_FILE_DESCRIPTOR", "look at the store's disk"),
    75: ("CANNOT_WRITE_TO_FILE_DESCRIPTOR", "look at the store's disk"),
    76: ("CANNOT_OPEN_FILE", "look at the store's disk, its rights and the limit of open files"),
    159: ("TIMEOUT_EXCEEDED", "it took longer than max_execution_time allows"),
    173: ("CANNOT_ALLOCATE_MEMORY", "the machine has no memory left"),
    198: ("DNS_ERROR", "check the host names"),
    201: ("QUOTA_EXCEEDED", "wait for the quota's interval to end, or raise it"),
    202: ("TOO_MANY_SIMULTANEOUS_QUERIES", "the server is busy; raise max_concurrent_queries if it stays so"),
    203: ("NO_FREE_CONNECTION", "the server is busy"),
    209: ("SOCKET_TIMEOUT", "the server is slow or the network is"),
    210: ("NETWORK_ERROR", "look at the network"),
    225: ("NO_ZOOKEEPER", "look at the cluster's Keeper"),
    236: ("ABORTED", "the server is stopping"),
    241: ("MEMORY_LIMIT_EXCEEDED", "give the server more memory, or ask for less at once"),
    242: ("TABLE_IS_READ_ONLY", "the replica has lost its Keeper, or starts"),
    243: ("NOT_ENOUGH_SPACE", "free disk space, or set store.keep_items_days"),
    252: ("TOO_MANY_PARTS", "merges are behind: insert larger batches, or look at the server's disk"),
    279: ("ALL_CONNECTION_TRIES_FAILED", "a server of the cluster is down"),
    285: ("TOO_FEW_LIVE_REPLICAS", "too few replicas are up to keep what is acknowledged"),
    286: ("UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE", "a replica is behind"),
    289: ("REPLICA_IS_NOT_IN_QUORUM", "a replica is behind"),
    290: ("LIMIT_EXCEEDED", "the server is busy"),
    319: ("UNKNOWN_STATUS_OF_INSERT", "a replica went away; the same rows again change no count"),
    364: ("RECEIVED_ERROR_TOO_MANY_REQUESTS", "the server is busy"),
    369: ("ALL_REPLICAS_ARE_STALE", "the replicas are behind"),
    394: ("QUERY_WAS_CANCELLED", "somebody stopped it, or the server is stopping"),
    415: ("ALL_REPLICAS_LOST", "look at the cluster's replicas"),
    416: ("REPLICA_STATUS_CHANGED", "a replica went away"),
    425: ("SYSTEM_ERROR", "look at the server's log"),
    439: ("CANNOT_SCHEDULE_TASK", "the server has no thread left"),
    473: ("DEADLOCK_AVOIDED", "the table was locked"),
    574: ("DISTRIBUTED_TOO_MANY_PENDING_BYTES", "a shard is behind or down"),
    700: ("USER_SESSION_LIMIT_EXCEEDED", "the server's user has too many sessions"),
    745: ("SERVER_OVERLOADED", "the server is busy"),
    904: ("TOO_MANY_UNAVAILABLE_SHARDS", "a shard of the cluster is down"),
    999: ("KEEPER_EXCEPTION", "look at the cluster's Keeper"),
}
# The rows themselves: no other time or server would take them.
ROWS: dict[int, str] = {
    6: "CANNOT_PARSE_TEXT",
    25: "CANNOT_PARSE_ESCAPE_SEQUENCE",
    26: "CANNOT_PARSE_QUOTED_STRING",
    27: "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
    32: "ATTEMPT_TO_READ_AFTER_EOF",
    33: "CANNOT_READ_ALL_DATA",
    38: "CANNOT_PARSE_DATE",
    41: "CANNOT_PARSE_DATETIME",
    53: "TYPE_MISMATCH",
    69: "ARGUMENT_OUT_OF_BOUND",
    70: "CANNOT_CONVERT_TYPE",
    72: "CANNOT_PARSE_NUMBER",
    117: "INCORRECT_DATA",
    128: "TOO_LARGE_ARRAY_SIZE",
    131: "TOO_LARGE_STRING_SIZE",
    190: "SIZES_OF_ARRAYS_DONT_MATCH",
    321: "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE",
    349: "CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN",
    407: "DECIMAL_OVERFLOW",
    469: "VIOLATED_CONSTRAINT",
}
# Code: name in ClickHouse, what to mend.
_LOGIN = "check store.user, store.password_file"
SETTINGS: dict[int, tuple[str, str]] = {
    60: ("UNKNOWN_TABLE", "SHOW TABLES lists those there are; check store.database"),
    81: ("UNKNOWN_DATABASE", "check store.database; `tidings store migrate` creates it"),
    115: ("UNKNOWN_SETTING", "check store.server_settings"),
    192: ("UNKNOWN_USER", _LOGIN),
    193: ("WRONG_PASSWORD", _LOGIN),
    194: ("REQUIRED_PASSWORD", _LOGIN),
    195: ("IP_ADDRESS_NOT_ALLOWED", "let the server's user come from this address"),
    291: ("DATABASE_ACCESS_DENIED", "check store.user, and grant it the database"),
    452: ("SETTING_CONSTRAINT_VIOLATION", "check store.server_settings against the user's profile"),
    497: ("ACCESS_DENIED", "check store.user, and grant it what is named"),
    516: ("AUTHENTICATION_FAILED", _LOGIN),
    701: ("CLUSTER_DOESNT_EXIST", "check store.cluster against the server's remote_servers"),
    720: ("USER_EXPIRED", "check store.user"),
}
_AGAIN = re.compile(r"(Code: \d+\. DB::Exception: | \([A-Z_]+\))\1+")
_VERSION = re.compile(r" \(version [\d.]+\)\.?")
_FULL = re.compile(r"No space left on device|errno: 28\b")


def code_of(text: str) -> int | None:
    """The first error code that a message of ClickHouse names."""
    found = _CODE.search(text)
    return int(found[1]) if found else None


def failure(code: int | None, text: str, doing: Literal["insert", "statement"]) -> TidingsError:
    """The error to raise for what ClickHouse said; `text` may be long, its first line is told.

    Unavailable: trying again may help. Refused: these rows never. ConfigError: the settings or rights are wrong.
    """
    told = f"the store refused: {first_line(text)}"
    if _FULL.search(text):
        return Unavailable(f"the store's disk is full: {PASSING[243][1]} ({first_line(text)})")
    if doing == "insert" and (code in ROWS or "Too many partitions" in text):
        return Refused(told)
    if code in PASSING:
        return Unavailable(f"the store cannot do it now: {PASSING[code][1]} ({first_line(text)})")
    if code in SETTINGS:
        return ConfigError(f"{told}: {SETTINGS[code][1]}")
    return TidingsError(told)


def first_line(text: str) -> str:
    """At most 400 characters, without a stack trace; what the engine says more than once is said once."""
    line = text.strip().split("\n")[0].split(" Stack trace")[0].split(", Stack trace")[0]
    return _AGAIN.sub(r"\1", _VERSION.sub("", line))[:400]
