"""The analysts' user of a server: reads the public views, within limits and a quota, and nothing else."""

import hashlib
import secrets

from store.client import connect
from store.migrate import migrate
from store.public import public_views
from tidings.errors import ConfigError
from tidings.settings import StoreSettings, read_secret

# readonly = 1 forbids to change any setting, these limits among them.
_LIMITS = "max_execution_time = 60, max_memory_usage = 4000000000, max_result_rows = 1000000, readonly = 1"
_QUOTA = "queries = 1000, result_rows = 10000000, execution_time = 1800"


def make_analyst(settings: StoreSettings) -> str:
    """Creates or renews the user that the settings name, and returns its name.

    Raises ConfigError without a server or a password, and when store.user may not create users. The statements
    hold a salted hash, never the password, so it cannot end in a log.
    """
    password = read_secret(settings.analyst_password, settings.analyst_password_file)
    if settings.backend != "server":
        raise ConfigError('an embedded store has no users: set store.backend = "server"')
    if not password:
        raise ConfigError("the analysts' user needs a password: set store.analyst_password_file")
    statements = analyst_statements(settings, password, secrets.token_hex(16))
    client = connect(settings)
    try:
        migrate(client)  # to the views that are read by their definer's rights
        for statement in statements:
            client.execute(statement)
    finally:
        client.close()
    return settings.analyst_user


def analyst_statements(settings: StoreSettings, password: str, salt: str) -> list[str]:
    """Profile, user, quota and rights; each may run twice. Pure."""
    user = settings.analyst_user
    if not user.isidentifier() or user in (settings.user, "default"):
        raise ConfigError(f"store.analyst_user must be a plain name of its own; it is {user!r}")
    on = f" ON CLUSTER '{settings.cluster}'" if settings.cluster else ""
    digest = hashlib.sha256((password + salt).encode()).hexdigest()
    login = f"{user}{on} IDENTIFIED WITH sha256_hash BY '{digest}' SALT '{salt}'"
    return [
        f"CREATE SETTINGS PROFILE IF NOT EXISTS {user}_profile{on} SETTINGS {_LIMITS}",
        f"ALTER SETTINGS PROFILE {user}_profile{on} SETTINGS {_LIMITS}",
        f"CREATE USER IF NOT EXISTS {login}",
        f"ALTER USER {login} DEFAULT DATABASE {settings.database} SETTINGS PROFILE '{user}_profile'",
        f"CREATE QUOTA IF NOT EXISTS {user}_quota{on} FOR INTERVAL 1 hour MAX {_QUOTA} TO {user}",
        f"ALTER QUOTA {user}_quota{on} FOR INTERVAL 1 hour MAX {_QUOTA} TO {user}",
        f"GRANT{on} {readable(settings)} TO {user} WITH REPLACE OPTION",  # takes earlier, wider rights away
    ]


def readable(settings: StoreSettings) -> str:
    """What the user may read, as GRANT says it: the views.

    On a cluster everything, because a shard asks for his own rights to the tables beneath a view
    (ClickHouse issue 88009).
    """
    if settings.cluster:
        return f"SELECT ON {settings.database}.*"
    return ", ".join(f"SELECT ON {settings.database}.{view}" for view in public_views())
