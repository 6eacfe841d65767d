"""Fixtures of the contract tests."""

from tests.contract.broker_fixtures import bootstrap_servers, kafka_settings  # noqa: F401  (fixtures are found by name)
from tests.contract.store_fixtures import (  # noqa: F401  (fixtures are found by name)
    emptied,
    migrated,
    server_settings,
    store,
    store_settings,
)
