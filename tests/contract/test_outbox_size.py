"""What the outbox reads does not grow with what was ever sent."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from store.client import Client, Params, Row
from store.client_embedded import ROWS_FORMAT, parameter, rows_of
from store.client_reader import EmbeddedReader
from store.outbox import OutboxLog
from store.reading import Limits
from store.store import Store, open_store
from tests.unit.outbox_memory import alert_of
from tidings.settings import StoreSettings
from tidings.types import Notification

SENT = 50_000
_FILL = """
INSERT INTO notification_log
(notification_id, receiver, group_key, reason, alert_ids, alert_states, created_at, state, attempts, version)
SELECT lower(hex(sipHash128(number))), 'desk', 'g', 'firing', [concat('a', toString(number))], ['firing'],
       {until:DateTime64(3,'UTC')} - toIntervalMinute({sent:UInt32} - number), {state:String}, 1, {version:UInt64}
FROM numbers({sent:UInt32})
"""


class Counting:
    """The store's client, which counts the rows of tables that its queries read."""

    def __init__(self, folder: Path) -> None:
        self.rows = 0
        self._reader = EmbeddedReader(folder, "tidings", Limits(60, 10**6, 10**9, 10**10), hidden=())

    def query(self, sql: str, params: Params | None = None) -> list[Row]:
        given = {name: parameter(value) for name, value in (params or {}).items()}
        answer = self._reader.ask(sql, ROWS_FORMAT, parameters=given)
        self.rows += answer.read_rows
        return rows_of(answer.data)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Path]]:
    """All were sent, but one that waits."""
    folder = tmp_path_factory.mktemp("outbox") / "store"
    store = open_store(StoreSettings(folder=folder))
    until = datetime.now(UTC) - timedelta(hours=1)
    for version, state in enumerate(("waiting", "sent"), start=1):
        store._client.execute(_FILL, {"sent": SENT, "until": until, "state": state, "version": version})
    store._client.execute("OPTIMIZE TABLE notification_log FINAL")  # as merges do in time
    alert = alert_of("Acme", datetime.now(UTC))
    store.save_alerts([alert])
    store.outbox.save_notifications([Notification("new", "desk", "g", "firing", (alert,), datetime.now(UTC))])
    yield store, folder
    store.close()


def test_a_pass_of_the_outbox_reads_what_it_needs(filled: tuple[Store, Path]) -> None:
    _, folder = filled
    client = Counting(folder)
    log = OutboxLog(_as_client(client))
    assert [note.notification_id for note in log.waiting_notifications()] == ["new"]
    told = log.told(["a17", "a4711"], datetime.now(UTC) - timedelta(minutes=10))
    assert [one.states for one in told] == [{"a17": "firing"}, {"a4711": "firing"}, {"Acme-1": "firing"}]
    assert [alert.alert_id for alert in log.routable_alerts(["desk"])] == ["Acme-1"]
    assert client.rows < SENT / 10


def _as_client(client: Counting) -> Client:
    return client  # type: ignore[return-value]  # it only reads
